package settle

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"joulepay/internal/layout"
	"joulepay/wallet"
)

// ErrDocument is returned for a DID's document that no slot holds.
var ErrDocument = errors.New("settle: DID document not acceptable")

// Bounds of a document. Together they keep its slot within SlotSizeMax.
const (
	ServicesMax     = 4
	ServiceNameMax  = 24
	ServiceTypeMax  = 24
	EndpointMax     = 120 // an address of a broker or an API with a path
	KeyBindingsMax  = 6   // one key of each purpose, and room to exchange them
	documentVersion = 1
)

// Role says what a DID is on the network. It is what the DID says of itself; credentials say what others confirm.
type Role uint8

// Roles.
const (
	RoleNone     Role = 0
	RoleVehicle  Role = 1
	RoleStation  Role = 2
	RoleOperator Role = 3
	RoleIssuer   Role = 4
	RoleMeter    Role = 5
)

var roleNames = []string{"none", "vehicle", "station", "operator", "issuer", "meter"}

// String gives the role's name.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role-%d", uint8(r))
}

// ParseRole reads what String gives for a known role.
func ParseRole(name string) (Role, error) {
	if i := slices.Index(roleNames, name); i >= 0 {
		return Role(i), nil
	}
	return 0, fmt.Errorf("%w: no role %q", ErrDocument, name)
}

// Document is what a DID publishes about itself on the ledger.
type Document struct {
	Role     Role
	Services []Service    // rising by name
	Bindings []KeyBinding // rising by purpose and hash
}

// Service is where the DID can be reached.
type Service struct {
	Name     string // names it within the document: lower-case letters, digits and dashes
	Type     string // letters and digits, such as "JoulepayNATS"
	Endpoint string // a URI: printable ASCII without blanks
}

// KeyBinding says that a derived key belongs to the DID, without showing it: who meets the key knows its wallet.Binding,
// and compares the hash.
type KeyBinding struct {
	Purpose wallet.Purpose
	Hash    [32]byte // BindingHash
}

// Check returns ErrDocument when a slot never holds such a document.
func (d Document) Check() error {
	if int(d.Role) >= len(roleNames) || len(d.Services) > ServicesMax || len(d.Bindings) > KeyBindingsMax {
		return fmt.Errorf("%w: %s, %d services, %d key bindings", ErrDocument, d.Role, len(d.Services), len(d.Bindings))
	}
	for i, s := range d.Services {
		if err := s.check(); err != nil {
			return err
		}
		if i > 0 && d.Services[i-1].Name >= s.Name {
			return fmt.Errorf("%w: services do not rise by name", ErrDocument)
		}
	}
	for i, b := range d.Bindings {
		if b.Purpose == wallet.PurposeAccount || b.Purpose > wallet.PurposeTickSeed {
			return fmt.Errorf("%w: binding of purpose %d", ErrDocument, b.Purpose)
		}
		if i > 0 && compareBindings(d.Bindings[i-1], b) >= 0 {
			return fmt.Errorf("%w: key bindings do not rise", ErrDocument)
		}
	}
	return nil
}

func (s Service) check() error {
	switch {
	case !made(s.Name, ServiceNameMax, func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' }):
		return fmt.Errorf("%w: service name %.30q", ErrDocument, s.Name)
	case !made(s.Type, ServiceTypeMax, func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' }):
		return fmt.Errorf("%w: service type %.30q", ErrDocument, s.Type)
	case !made(s.Endpoint, EndpointMax, func(c byte) bool { return c > ' ' && c < 0x7f }) || !bytes.ContainsRune([]byte(s.Endpoint), ':'):
		return fmt.Errorf("%w: service endpoint %.130q", ErrDocument, s.Endpoint)
	}
	return nil
}

// made tells whether a text is not empty, not too long, and made of such bytes.
func made(text string, most int, of func(byte) bool) bool {
	for i := range len(text) {
		if i >= most || !of(text[i]) {
			return false
		}
	}
	return text != ""
}

// SortDocument puts a document's parts into the order that Check demands.
func SortDocument(d *Document) {
	slices.SortFunc(d.Services, func(a, b Service) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	slices.SortFunc(d.Bindings, compareBindings)
}

func compareBindings(a, b KeyBinding) int {
	if a.Purpose != b.Purpose {
		return int(a.Purpose) - int(b.Purpose)
	}
	return bytes.Compare(a.Hash[:], b.Hash[:])
}

// Equal tells whether two documents say the same.
func (d Document) Equal(other Document) bool {
	return bytes.Equal(d.appendTo(nil), other.appendTo(nil))
}

func (d Document) appendTo(b []byte) []byte {
	b = append(b, documentVersion, byte(d.Role), byte(len(d.Services)))
	for _, s := range d.Services {
		b = layout.AppendBytes(b, []byte(s.Name))
		b = layout.AppendBytes(b, []byte(s.Type))
		b = layout.AppendBytes(b, []byte(s.Endpoint))
	}
	b = append(b, byte(len(d.Bindings)))
	for _, k := range d.Bindings {
		b = append(b, byte(k.Purpose))
		b = append(b, k.Hash[:]...)
	}
	return b
}

func (d *Document) readFrom(r *layout.Reader) {
	r.Version(documentVersion)
	d.Role = Role(r.Uint8())
	n := int(r.Uint8())
	if n > ServicesMax {
		r.Fail(fmt.Errorf("%w: %d services", layout.ErrTooLong, n))
	}
	for ; n > 0 && r.Err() == nil; n-- {
		d.Services = append(d.Services, Service{
			Name: string(r.Bytes(ServiceNameMax)), Type: string(r.Bytes(ServiceTypeMax)), Endpoint: string(r.Bytes(EndpointMax)),
		})
	}
	if n = int(r.Uint8()); n > KeyBindingsMax {
		r.Fail(fmt.Errorf("%w: %d key bindings", layout.ErrTooLong, n))
	}
	for ; n > 0 && r.Err() == nil; n-- {
		k := KeyBinding{Purpose: wallet.Purpose(r.Uint8())}
		r.Fixed(k.Hash[:])
		d.Bindings = append(d.Bindings, k)
	}
}
