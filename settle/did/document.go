package did

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"joulepay/settle"
	"joulepay/wallet"
)

// Contexts and types, from DID 1.1, Controlled Identifiers 1.0 (Multikey) and DID Resolution 0.3.
const (
	contextDID        = "https://www.w3.org/ns/did/v1"
	contextMultikey   = "https://w3id.org/security/multikey/v1"
	contextResolution = "https://w3id.org/did-resolution/v1"
	typeMultikey      = "Multikey"
	typeDocument      = "application/did+ld+json"

	methodKey = "did:key:"
)

// Resolution is a W3C DID resolution result.
type Resolution struct {
	Context  string             `json:"@context"`
	Document Document           `json:"didDocument"`
	Result   ResolutionMetadata `json:"didResolutionMetadata"`
	Metadata DocumentMetadata   `json:"didDocumentMetadata"`
	// Certified is a proof.Slot of the newest final state, where it was asked for and the DID is registered.
	Certified []byte `json:"certified,omitempty"`
}

// ResolutionMetadata says how the document is written.
type ResolutionMetadata struct {
	ContentType string `json:"contentType"`
}

// DocumentMetadata says what happened to the DID. A DID that was never registered has no times.
type DocumentMetadata struct {
	Created      *time.Time `json:"created,omitempty"` // ledger time, whole seconds
	Updated      *time.Time `json:"updated,omitempty"`
	VersionID    string     `json:"versionId,omitempty"`
	Deactivated  bool       `json:"deactivated,omitempty"`
	EquivalentID []string   `json:"equivalentId,omitempty"`
	Registered   bool       `json:"registered"`          // ours: it has a slot on the ledger
	Rotations    uint32     `json:"rotations,omitempty"` // ours: how often the key changed
}

// Document is a W3C DID document. Of a deactivated DID it names no keys.
type Document struct {
	Context              []string             `json:"@context"`
	ID                   string               `json:"id"`
	AlsoKnownAs          []string             `json:"alsoKnownAs,omitempty"`
	VerificationMethod   []VerificationMethod `json:"verificationMethod,omitempty"`
	Authentication       []string             `json:"authentication,omitempty"`
	AssertionMethod      []string             `json:"assertionMethod,omitempty"`
	CapabilityInvocation []string             `json:"capabilityInvocation,omitempty"`
	Service              []Service            `json:"service,omitempty"`
	Role                 string               `json:"role,omitempty"`       // ours: what it says it is
	KeyBinding           []KeyBinding         `json:"keyBinding,omitempty"` // ours: hashes of derived keys
}

// VerificationMethod is a key.
type VerificationMethod struct {
	ID                 string `json:"id"`
	Type               string `json:"type"`
	Controller         string `json:"controller"`
	PublicKeyMultibase string `json:"publicKeyMultibase"`
}

// Service is where the DID can be reached.
type Service struct {
	ID              string `json:"id"`
	Type            string `json:"type"`
	ServiceEndpoint string `json:"serviceEndpoint"`
}

// KeyBinding is the hash of a derived key, see settle.BindingHash.
type KeyBinding struct {
	Purpose string `json:"purpose"`
	Hash    string `json:"hash"`
}

// Resolve gives the result for a DID that is registered.
func Resolve(d wallet.DID, i settle.Identity) Resolution {
	created, updated := seconds(i.Created), seconds(i.Updated)
	r := result(documentOf(d, i), DocumentMetadata{
		Created: &created, Updated: &updated, VersionID: strconv.FormatUint(i.Version, 10), EquivalentID: equivalents(d, i),
		Registered: true, Rotations: i.Rotations, Deactivated: i.Status == settle.AccountDeactivated,
	})
	return r
}

// Inception gives the result for a did:joule that nobody registered: it certifies its own first key.
func Inception(d wallet.DID) Resolution {
	i := settle.Identity{Key: d.InceptionKey(), Status: settle.AccountActive}
	return result(documentOf(d, i), DocumentMetadata{EquivalentID: equivalents(d, i)})
}

// Key gives the result for the did:key twin, which nothing can change.
func Key(d wallet.DID) Resolution {
	name := d.DIDKey()
	doc := Document{Context: []string{contextDID, contextMultikey}, ID: name, AlsoKnownAs: []string{d.String()}}
	doc.setKey(name, d.InceptionKey())
	return result(doc, DocumentMetadata{})
}

func result(doc Document, m DocumentMetadata) Resolution {
	return Resolution{Context: contextResolution, Document: doc, Result: ResolutionMetadata{ContentType: typeDocument}, Metadata: m}
}

// equivalents names the did:key twin as long as it has the same key.
func equivalents(d wallet.DID, i settle.Identity) []string {
	if i.Key != d.InceptionKey() || i.Status != settle.AccountActive {
		return nil
	}
	return []string{d.DIDKey()}
}

func documentOf(d wallet.DID, i settle.Identity) Document {
	name := d.String()
	doc := Document{Context: []string{contextDID, contextMultikey}, ID: name, AlsoKnownAs: equivalents(d, i)}
	if i.Status == settle.AccountDeactivated {
		return doc
	}
	doc.setKey(name, i.Key)
	if i.Document.Role != settle.RoleNone {
		doc.Role = i.Document.Role.String()
	}
	for _, s := range i.Document.Services {
		doc.Service = append(doc.Service, Service{ID: name + "#" + s.Name, Type: s.Type, ServiceEndpoint: s.Endpoint})
	}
	for _, b := range i.Document.Bindings {
		doc.KeyBinding = append(doc.KeyBinding, KeyBinding{Purpose: PurposeName(b.Purpose), Hash: hex.EncodeToString(b.Hash[:])})
	}
	return doc
}

// setKey names the one key of a document, as credentials name it: the DID and the key in multibase.
func (d *Document) setKey(name string, key wallet.PublicKey) {
	multibase := strings.TrimPrefix(wallet.DIDOf(key).DIDKey(), methodKey)
	id := name + "#" + multibase
	d.VerificationMethod = []VerificationMethod{{ID: id, Type: typeMultikey, Controller: name, PublicKeyMultibase: multibase}}
	d.Authentication, d.AssertionMethod, d.CapabilityInvocation = []string{id}, []string{id}, []string{id}
}

func seconds(t settle.LedgerTime) time.Time { return t.Time().Truncate(time.Second) }

var purposeNames = map[wallet.Purpose]string{
	wallet.PurposeChannel: "channel", wallet.PurposeMeter: "meter", wallet.PurposeNoiseStatic: "noise",
	wallet.PurposeNATS: "nats", wallet.PurposeTickSeed: "ticks",
}

// PurposeName gives the name of what a derived key is for, as documents write it.
func PurposeName(p wallet.Purpose) string {
	if name, ok := purposeNames[p]; ok {
		return name
	}
	return fmt.Sprintf("purpose-%d", byte(p))
}

// ParsePurpose reads what PurposeName gives for a known purpose.
func ParsePurpose(name string) (wallet.Purpose, error) {
	for p, n := range purposeNames {
		if n == name {
			return p, nil
		}
	}
	return 0, fmt.Errorf("%w: no purpose %q", settle.ErrDocument, name)
}
