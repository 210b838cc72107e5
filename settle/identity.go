package settle

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"joulepay/internal/layout"
	"joulepay/wallet"
)

// BindingHash names a derived key of a DID on a network: what a document says of it, and what who meets the key computes.
func BindingHash(network wallet.NetworkID, did wallet.DID, purpose wallet.Purpose, key [32]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("joulepay/binding\x00"))
	h.Write(network[:])
	h.Write(did[:])
	h.Write([]byte{byte(purpose)})
	h.Write(key[:])
	return [32]byte(h.Sum(nil))
}

// Publish registers a DID on the ledger with its first document, or replaces the document. The DID's key signs it;
// whoever issues the vertex pays, so a machine needs no money to be registered.
type Publish struct {
	DID       wallet.DID
	Version   uint64 // 1 registers; each change of the DID takes the next, whichever change it is
	Document  Document
	Signature wallet.Signature // by the DID's current key, under wallet.DomainDocument
}

// NewPublish signs a document.
func NewPublish(network wallet.NetworkID, did wallet.DID, version uint64, d Document, key wallet.PrivateKey) *Publish {
	p := &Publish{DID: did, Version: version, Document: d}
	p.Signature = key.Sign(wallet.DomainDocument, network, p.signed())
	return p
}

// Kind implements Payload: registering and updating are two kinds, told apart by the version.
func (p *Publish) Kind() Kind {
	if p.Version == 1 {
		return KindRegister
	}
	return KindUpdate
}

// Check implements Payload.
func (p *Publish) Check() error {
	return firstError(checkNamed(p.DID), checkVersion(p.Version), p.Document.Check())
}

// Verify checks the DID's signature under its current key.
func (p *Publish) Verify(network wallet.NetworkID, key wallet.PublicKey) error {
	return wallet.Verify(key, wallet.DomainDocument, network, p.signed(), p.Signature)
}

func (p *Publish) signed() []byte {
	return p.Document.appendTo(identityBody(p.Kind(), p.DID, p.Version))
}

func (p *Publish) appendTo(b []byte) []byte {
	b = append(b, p.DID[:]...)
	b = binary.BigEndian.AppendUint64(b, p.Version)
	b = p.Document.appendTo(b)
	return append(b, p.Signature[:]...)
}

func (p *Publish) readFrom(r *layout.Reader) {
	r.Fixed(p.DID[:])
	p.Version = r.Uint64()
	p.Document.readFrom(r)
	r.Fixed(p.Signature[:])
}

// Rotate gives a DID another key. Both keys sign, so nobody binds a key to a DID that its holder does not want. DID,
// account, sequence and channels stay. It registers a DID that is not, with an empty document.
type Rotate struct {
	DID        wallet.DID
	Version    uint64 // 1 when the DID is not registered, else the next
	Key        wallet.PublicKey
	Signatures [2]wallet.Signature // by the present and by the new key, under wallet.DomainRotation
}

// NewRotate signs a rotation with both keys.
func NewRotate(network wallet.NetworkID, did wallet.DID, version uint64, present, next wallet.PrivateKey) *Rotate {
	p := &Rotate{DID: did, Version: version, Key: next.Public()}
	for i, key := range []wallet.PrivateKey{present, next} {
		p.Signatures[i] = key.Sign(wallet.DomainRotation, network, p.signed())
	}
	return p
}

// Kind implements Payload.
func (*Rotate) Kind() Kind { return KindRotate }

// Check implements Payload.
func (p *Rotate) Check() error {
	if _, err := wallet.ParsePublicKey(p.Key[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return firstError(checkNamed(p.DID), checkVersion(p.Version))
}

// Verify checks both signatures, the first under the DID's current key.
func (p *Rotate) Verify(network wallet.NetworkID, key wallet.PublicKey) error {
	if err := wallet.Verify(key, wallet.DomainRotation, network, p.signed(), p.Signatures[0]); err != nil {
		return err
	}
	return wallet.Verify(p.Key, wallet.DomainRotation, network, p.signed(), p.Signatures[1])
}

func (p *Rotate) signed() []byte {
	return append(identityBody(KindRotate, p.DID, p.Version), p.Key[:]...)
}

func (p *Rotate) appendTo(b []byte) []byte {
	b = append(b, p.DID[:]...)
	b = binary.BigEndian.AppendUint64(b, p.Version)
	b = append(b, p.Key[:]...)
	return append(append(b, p.Signatures[0][:]...), p.Signatures[1][:]...)
}

func (p *Rotate) readFrom(r *layout.Reader) {
	r.Fixed(p.DID[:])
	p.Version = r.Uint64()
	r.Fixed(p.Key[:])
	r.Fixed(p.Signatures[0][:])
	r.Fixed(p.Signatures[1][:])
}

// Deactivate ends a DID for good: its key signs no vertex any more, and no channel is opened with it. What its channels
// hold is still settled and paid out.
type Deactivate struct {
	DID       wallet.DID
	Version   uint64           // 1 when the DID is not registered, else the next
	Signature wallet.Signature // by the DID's current key, under wallet.DomainDocument
}

// NewDeactivate signs the end of a DID.
func NewDeactivate(network wallet.NetworkID, did wallet.DID, version uint64, key wallet.PrivateKey) *Deactivate {
	p := &Deactivate{DID: did, Version: version}
	p.Signature = key.Sign(wallet.DomainDocument, network, identityBody(KindDeactivate, did, version))
	return p
}

// Kind implements Payload.
func (*Deactivate) Kind() Kind { return KindDeactivate }

// Check implements Payload.
func (p *Deactivate) Check() error { return firstError(checkNamed(p.DID), checkVersion(p.Version)) }

// Verify checks the DID's signature under its current key.
func (p *Deactivate) Verify(network wallet.NetworkID, key wallet.PublicKey) error {
	return wallet.Verify(key, wallet.DomainDocument, network, identityBody(KindDeactivate, p.DID, p.Version), p.Signature)
}

func (p *Deactivate) appendTo(b []byte) []byte {
	b = append(b, p.DID[:]...)
	b = binary.BigEndian.AppendUint64(b, p.Version)
	return append(b, p.Signature[:]...)
}

func (p *Deactivate) readFrom(r *layout.Reader) {
	r.Fixed(p.DID[:])
	p.Version = r.Uint64()
	r.Fixed(p.Signature[:])
}

// identityBody begins what a DID signs about itself: the kind tells the three apart, the version says when.
func identityBody(k Kind, did wallet.DID, version uint64) []byte {
	b := append([]byte{byte(k)}, did[:]...)
	return binary.BigEndian.AppendUint64(b, version)
}

func checkVersion(n uint64) error {
	if n == 0 {
		return fmt.Errorf("%w: version 0, the first is 1", ErrPayload)
	}
	return nil
}
