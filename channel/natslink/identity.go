package natslink

import (
	"github.com/nats-io/nats.go"

	"joulepay/internal/natsd"
	"joulepay/wallet"
)

// ConnectKey lets a connection identify itself with a key that is kept for brokers: a station's wallet.NATS, or a
// fresh key for each session of a vehicle. The broker chooses the nonce, so it is signed under a domain of its own
// (I8), for no network: a machine connects before it knows one.
func ConnectKey(key wallet.PrivateKey) natsd.Key {
	return natsd.Key{
		Public: key.Public(),
		Sign: func(nonce []byte) []byte {
			signature := key.Sign(wallet.DomainConnect, wallet.NetworkID{}, nonce)
			return signature[:]
		},
	}
}

// VerifyConnect is the broker's side of ConnectKey: the Verify of a server that has a policy.
func VerifyConnect(key [natsd.KeySize]byte, nonce, signature []byte) error {
	public, err := wallet.ParsePublicKey(key[:])
	if err != nil {
		return err
	}
	if len(signature) != wallet.SignatureSize {
		return wallet.ErrSignature
	}
	return wallet.Verify(public, wallet.DomainConnect, wallet.NetworkID{}, nonce, wallet.Signature(signature))
}

// Connect opens a connection to the broker that is identified by a key kept for brokers. onError, which may be nil, hears of
// lost connections, forbidden subjects and slow consumers; it must be short. natsd.Dial has more options.
func Connect(url, name string, key wallet.PrivateKey, onError func(error)) (*nats.Conn, error) {
	return natsd.Dial(url, natsd.DialOptions{Name: name, Key: ConnectKey(key), OnError: onError})
}
