package attacks_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/natslink"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/money"
)

// Who is who. Mallory may have any wallet of her own, and whatever goes over the wire.
var (
	car, station, mallory = wallet.FromEntropy([32]byte{1}), wallet.FromEntropy([32]byte{2}), wallet.FromEntropy([32]byte{3})
	office                = wallet.FromEntropy([32]byte{4}) // issues credentials
	network, elsewhere    = wallet.NetworkID{7}, wallet.NetworkID{8}
	noon                  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	visit                 = channel.SessionID{1}
)

// TestEveryAttackOnIdentityIsRefusedByItsOwnError is the table of what can be tried with keys, names, files and messages at the
// library's own doors. That of the encrypted transport is channel/secure's; docs/security.md has the index of all.
func TestEveryAttackOnIdentityIsRefusedByItsOwnError(t *testing.T) {
	attacks := []struct {
		name   string
		attack func(*testing.T) error
		want   error
	}{
		// Names and keys.
		{"a DID of a key under which anything verifies", smallOrderDID, wallet.ErrDID},
		{"a DID in another encoding of the same key", func(*testing.T) error { return parse("did:joule:" + strings.ToUpper(car.DID().String()[10:])) }, wallet.ErrDID},
		{"a DID without end", func(*testing.T) error { return parse(car.DID().String() + strings.Repeat("1", 1<<16)) }, wallet.ErrDID},
		{"a did:key of another curve", func(*testing.T) error { return parse("did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme") }, wallet.ErrDID},
		{"a small-order key in a signature's place", func(*testing.T) error {
			return wallet.Verify(wallet.PublicKey{}, wallet.DomainHello, network, nil, wallet.Signature{})
		}, wallet.ErrSignature},
		{"a signature of another network", func(*testing.T) error {
			s := car.Account().Sign(wallet.DomainHello, elsewhere, []byte("x"))
			return wallet.Verify(car.Account().Public(), wallet.DomainHello, network, []byte("x"), s)
		}, wallet.ErrSignature},
		{"a signature of another kind of message", func(*testing.T) error {
			s := car.Account().Sign(wallet.DomainHello, network, []byte("x"))
			return wallet.Verify(car.Account().Public(), wallet.DomainQuote, network, []byte("x"), s)
		}, wallet.ErrSignature},
		{"a swapped key in a binding", func(*testing.T) error {
			b := station.Bind(network, wallet.PurposeNoiseStatic, 0, station.NoiseStatic())
			b.Key = mallory.NoiseStatic()
			return b.Verify(station.Account().Public(), network)
		}, wallet.ErrSignature},
		{"the old key after a rotation", func(*testing.T) error {
			b := station.Bind(network, wallet.PurposeNATS, 0, station.NATS().Public())
			return b.Verify(station.At(1).Account().Public(), network)
		}, wallet.ErrSignature},

		// Registrations.
		{"a registration that another signed", func(*testing.T) error {
			p := settle.NewPublish(network, station.DID(), 1, settle.Document{Role: settle.RoleStation}, mallory.Account())
			return p.Verify(network, station.Account().Public())
		}, wallet.ErrSignature},
		{"a registration of another network", func(*testing.T) error {
			p := settle.NewPublish(elsewhere, station.DID(), 1, settle.Document{Role: settle.RoleStation}, station.Account())
			return p.Verify(network, station.Account().Public())
		}, wallet.ErrSignature},
		{"a rotation to a key that did not agree", func(*testing.T) error {
			p := settle.NewRotate(network, station.DID(), 2, station.Account(), mallory.Account())
			p.Key = car.Account().Public()
			return p.Verify(network, station.Account().Public())
		}, wallet.ErrSignature},

		// Key files, words, exports.
		{"a stolen key file, without its password", func(t *testing.T) error { return open(keyFile(t, nil), nil) }, wallet.ErrNoPassword},
		{"a stolen key file, with a guess", func(t *testing.T) error { return open(keyFile(t, nil), []byte("123456")) }, wallet.ErrPassword},
		{"a key file that others can read", func(t *testing.T) error {
			path := keyFile(t, nil)
			must(os.Chmod(path, 0o640))
			return open(path, secret)
		}, wallet.ErrPermissions},
		{"a key file under another's DID", func(t *testing.T) error {
			return open(keyFile(t, func(b []byte) []byte {
				return bytes.Replace(b, []byte(car.DID().String()), []byte(mallory.DID().String()), 1)
			}), secret)
		}, wallet.ErrPassword},
		{"a key file swapped for one without a password", func(t *testing.T) error {
			path := filepath.Join(t.TempDir(), "swapped.json")
			must(mallory.SaveInsecure(path))
			return open(path, secret)
		}, wallet.ErrNotProtected},
		{"a key file that costs all memory", func(t *testing.T) error {
			return open(keyFile(t, func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"memory_kib":8`), []byte(`"memory_kib":4000000000`), 1)
			}), secret)
		}, wallet.ErrCost},
		{"words that are almost right", func(*testing.T) error {
			words := strings.Fields(car.Words())
			words[0], words[1] = words[1], words[0]
			_, err := wallet.FromWords(strings.Join(words, " "))
			return err
		}, wallet.ErrWords},
		{"an export of another wallet", func(*testing.T) error {
			_, err := mallory.Unseal("channels", nil, car.Seal("channels", nil, []byte("x")))
			return err
		}, wallet.ErrSealed},
		{"an imported channel of another wallet", func(t *testing.T) error {
			_, _, err := session.ImportChannel(record(t), nil, mallory, 1)
			return err
		}, session.ErrForeignChannel},
		{"an imported old state", func(t *testing.T) error {
			older, newer := record(t), record(t)
			newer.Side.Sequence++
			_, _, err := session.ImportChannel(older, &newer, car, 1)
			return err
		}, session.ErrOldCopy},
		{"a claim on an imported channel that is not synced", func(t *testing.T) error {
			imported, _, err := session.ImportChannel(record(t), nil, car, 1)
			must(err)
			side, err := channel.Restore(imported.Side)
			must(err)
			_, err = side.Pay(channel.Draft{Amount: 9}, car.Channel(7))
			return err
		}, channel.ErrUnsynced},

		// Messages of a session.
		{"a hello for another station", func(*testing.T) error { return hello(func(h *wire.Hello) { h.Station = mallory.DID() }, car, visit) }, session.ErrIdentity},
		{"a hello in another's name", func(*testing.T) error { return hello(nil, mallory, visit) }, session.ErrIdentity},
		{"a hello of another session, replayed", func(*testing.T) error { return hello(nil, car, channel.SessionID{9}) }, session.ErrIdentity},
		{"an announcement in another's name", func(*testing.T) error {
			_, err := quote.ParseAnnouncement(quote.SignAnnouncement(announcement(), mallory.Account()), nil)
			return err
		}, wallet.ErrSignature},
		{"an announcement that was changed", func(*testing.T) error {
			raw := quote.SignAnnouncement(announcement(), station.Account())
			_, err := quote.ParseAnnouncement(bytes.Replace(raw, []byte("DE*1"), []byte("DE*2"), 1), nil)
			return err
		}, wallet.ErrSignature},
		{"a claim of another channel", func(t *testing.T) error {
			return accept(t, func(b *channel.Best) { b.Signed.Claim.Channel[0]++ })
		}, channel.ErrWrongChannel},
		{"a claim of the other lane", func(t *testing.T) error {
			return accept(t, func(b *channel.Best) { b.Signed.Claim.Lane = 1 })
		}, channel.ErrWrongLane},
		{"a claim that a relay raised", func(t *testing.T) error {
			return accept(t, func(b *channel.Best) { b.Signed.Claim.Amount++ })
		}, wallet.ErrSignature},
		{"a frame without end", func(*testing.T) error { return frame(make([]byte, link.PayloadMax+1)) }, wire.ErrFrame},
		{"a frame that breaks off", func(*testing.T) error { return frame([]byte{1, 1}) }, wire.ErrFrame},
		{"a frame of another version", func(*testing.T) error { return frame(append([]byte{9, 1}, make([]byte, 64)...)) }, wire.ErrVersion},

		// The broker's doors.
		{"a connection that takes a station's proof", func(*testing.T) error {
			return connect(natslink.ConnectKey(mallory.NATS()).Public, natslink.StationKey(station).Proof)
		}, natslink.ErrStationProof},
		{"a connection that proves another's DID with its own key", func(*testing.T) error {
			raw, err := base64.RawURLEncoding.DecodeString(natslink.StationKey(mallory).Proof)
			must(err)
			did := station.DID()
			copy(raw[1+wallet.PublicKeySize:], did[:])
			return connect(natslink.ConnectKey(mallory.NATS()).Public, base64.RawURLEncoding.EncodeToString(raw))
		}, natslink.ErrStationProof},
		{"a signed nonce of another connection", func(*testing.T) error {
			key := mallory.NATS().Public()
			s := car.NATS().Sign(wallet.DomainConnect, wallet.NetworkID{}, []byte("nonce"))
			return natslink.VerifyConnect([32]byte(key), []byte("nonce"), s[:])
		}, wallet.ErrSignature},

		// Credentials.
		{"a credential that expired", func(*testing.T) error {
			return calibrated(office, station.DID(), noon.AddDate(9, 0, 0), station.Meter())
		}, credential.ErrExpired},
		{"a credential of another subject", func(*testing.T) error { return calibrated(office, mallory.DID(), noon, station.Meter()) }, credential.ErrSubject},
		{"a credential of an issuer whom nobody trusts", func(*testing.T) error { return calibrated(mallory, station.DID(), noon, station.Meter()) }, credential.ErrUntrusted},
		{"a credential about another meter", func(*testing.T) error { return calibrated(office, station.DID(), noon, mallory.Meter()) }, credential.ErrMeterKey},
		{"a presentation for another verifier", func(*testing.T) error { return presented(mallory.DID(), "once") }, credential.ErrAudience},
		{"a presentation, replayed", func(*testing.T) error { return presented(station.DID(), "again") }, credential.ErrNonce},
	}
	const least = 25 // of those that are asked for
	if len(attacks) < least {
		t.Errorf("only %d attacks", len(attacks))
	}
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			if err := a.attack(t); !errors.Is(err, a.want) {
				t.Errorf("got %v, want %v", err, a.want)
			}
		})
	}
}

// must is for what a test makes itself.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func parse(text string) error {
	_, err := wallet.ParseDID(text)
	return err
}

func smallOrderDID(*testing.T) error {
	identity := wallet.DID{1}
	return parse(identity.String())
}

var secret = []byte("correct horse")

// keyFile gives the path of the car's key file, changed.
func keyFile(t *testing.T, change func([]byte) []byte) string {
	path := filepath.Join(t.TempDir(), "key.json")
	must(car.Save(path, secret, wallet.WithCost(wallet.TestCost())))
	if change != nil {
		raw, err := os.ReadFile(path)
		must(err)
		changed := change(slices.Clone(raw))
		if bytes.Equal(changed, raw) {
			t.Fatal("nothing was changed")
		}
		must(os.WriteFile(path, changed, 0o600))
	}
	return path
}

func open(path string, password []byte) error {
	_, err := wallet.Open(path, password)
	return err
}

// opening is of a channel of car and station.
func opening() channel.Opening {
	currency, err := money.ParseCurrency("EUR")
	must(err)
	return channel.Opening{
		Network: network, Opener: car.DID(), Partner: station.DID(), OpenerKey: car.Channel(7).Public(), PartnerKey: station.Channel(7).Public(),
		Payout: station.DID(), Deposit: 1000, Nonce: [16]byte{1},
		Terms: channel.Terms{Currency: currency, Window: time.Minute, Expiry: noon.AddDate(0, 1, 0)},
	}
}

func side(party channel.Party) *channel.Side {
	s, err := channel.NewSide(opening(), party)
	must(err)
	return s
}

// record is the car's of the channel, with one claim.
func record(*testing.T) session.ChannelRecord {
	s := side(channel.Opener)
	_, err := s.Pay(channel.Draft{Amount: 5}, car.Channel(7))
	must(err)
	return session.ChannelRecord{ID: s.ID(), Peer: station.DID(), KeyIndex: 7, Side: s.Snapshot(), State: channel.Open, Expiry: opening().Terms.Expiry}
}

// accept gives the station a claim of the car that somebody changed.
func accept(_ *testing.T, change func(*channel.Best)) error {
	signed, err := side(channel.Opener).Pay(channel.Draft{Amount: 5}, car.Channel(7))
	must(err)
	best := channel.Best{Signed: signed}
	change(&best)
	_, err = side(channel.Partner).Accept(best)
	return err
}

// hello is one of the car to the station, signed by somebody for a session, and heard in the session of the visit.
func hello(change func(*wire.Hello), by *wallet.Wallet, of channel.SessionID) error {
	h := wire.Hello{Vehicle: car.DID(), Station: station.DID(), AtMs: noon.UnixMilli(), Service: "charging"}
	if change != nil {
		change(&h)
	}
	h.Signature = by.Account().Sign(wallet.DomainHello, network, h.SigningBytes(of))
	return session.CheckHello(h, visit, station.DID(), network, nil)
}

func announcement() quote.Announcement {
	return quote.Announcement{Network: network, Station: station.DID(), Service: "charging", EVSE: "DE*1", Currency: "EUR"}
}

func frame(raw []byte) error {
	_, err := wire.Decode(raw)
	return err
}

func connect(key [32]byte, proof string) error {
	client := natsd.Client{Key: key, Proof: proof}
	_, err := natslink.Policy(natslink.InceptionOnly)(client)
	return err
}

func signer(w *wallet.Wallet) credential.Signer { return credential.SignerOf(w) }

// calibrated checks a calibration about the station's meter, made by an issuer, against a subject, a time and a meter.
func calibrated(by *wallet.Wallet, subject wallet.DID, at time.Time, meter wallet.PrivateKey) error {
	compact, err := credential.Issue(signer(by), credential.Template{
		Subject: station.DID(), ValidFrom: noon, ValidUntil: noon.AddDate(8, 0, 0),
		Claims: credential.Calibration{MeterKey: station.Meter().Public(), MeterSerial: "1EMH0012345678", TypeExamination: "DE-22-M-PTB-0047"},
	})
	must(err)
	policy := credential.Policy{Trust: credential.TrustFor(map[credential.Kind][]wallet.DID{credential.KindCalibration: {office.DID()}})}
	_, err = credential.CheckCalibration(compact, subject, meter.Public(), at, policy)
	return err
}

// presented checks a presentation that the car made for the station and one nonce, at another verifier or for another nonce.
func presented(to wallet.DID, nonce string) error {
	contract, err := credential.Issue(signer(office), credential.Template{Subject: car.DID(), ValidFrom: noon, Claims: credential.Contract{ContractID: "DE-8AA-C12E456L8-X"}})
	must(err)
	presentation, err := credential.Present(signer(car), station.DID(), "once", noon, contract)
	must(err)
	policy := credential.Policy{Trust: credential.TrustIssuers(office.DID())}
	_, err = credential.VerifyPresentation(presentation, credential.Challenge{Audience: to, Nonce: nonce}, noon, policy)
	return err
}
