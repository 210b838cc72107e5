package channelscmd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/internal/layout"
	"joulepay/wallet"
)

// A file of exported channels is, with all lengths big-endian:
//
//	"joulepay/channels\0"  version (1)  DID (32)  network (32)  sealed
//
// What stands before sealed is authenticated with it. Sealed under the wallet's own key (wallet.Seal, use "channels") are the
// number of channels (4) and of each id, terms and progress as package session encodes them; then the number of operations
// (4) and of each kind (1), channel (32), body and payload. All but ids and kinds have their length (4) in front.
const (
	exportMagic   = "joulepay/channels\x00"
	exportVersion = 1
	exportUse     = "channels"

	// exportSizeMax bounds what is read: the channels of a large charging site for years, at 2 KiB each.
	exportSizeMax = 64 << 20
	// exportCountMax bounds channels and operations of a file.
	exportCountMax = 1 << 16
	// exportPartSizeMax bounds each part of a channel or operation; the largest has a few hundred bytes.
	exportPartSizeMax = 16 << 10
)

// Errors of a file of exported channels.
var (
	ErrExportFile    = errors.New("not a file of exported channels")
	ErrExportVersion = errors.New("a file of exported channels of a version that this program does not know")
	ErrExportWallet  = errors.New("the channels were exported by another wallet")
	ErrExportNetwork = errors.New("the channels are of another ledger")
)

// export is what is in a file.
type export struct {
	Network  wallet.NetworkID
	Channels []session.ChannelRecord
	Ops      []session.OpRecord // on their way to the ledger
}

func exportHeader(did wallet.DID, network wallet.NetworkID) []byte {
	return slices.Concat([]byte(exportMagic), []byte{exportVersion}, did[:], network[:])
}

// encode gives the bytes of a file, which only this wallet reads.
func (e export) encode(w *wallet.Wallet) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(e.Channels)))
	for _, r := range e.Channels {
		b = append(b, r.ID[:]...)
		b = layout.AppendBytes(b, r.EncodeTerms())
		b = layout.AppendBytes(b, r.EncodeProgress())
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.Ops)))
	for _, op := range e.Ops {
		b = append(b, byte(op.Kind))
		b = append(b, op.Channel[:]...)
		b = layout.AppendBytes(b, op.Body)
		b = layout.AppendBytes(b, op.Payload)
	}
	header := exportHeader(w.DID(), e.Network)
	return append(header, w.Seal(exportUse, header, b)...)
}

// decodeExport reads a file. Nothing of it is believed before the seal is.
func decodeExport(raw []byte, w *wallet.Wallet) (export, error) {
	var e export
	size := len(exportMagic) + 1 + len(wallet.DID{}) + len(e.Network)
	if len(raw) > exportSizeMax || len(raw) < size || string(raw[:len(exportMagic)]) != exportMagic {
		return e, ErrExportFile
	}
	if version := raw[len(exportMagic)]; version != exportVersion {
		return e, fmt.Errorf("%w: %d", ErrExportVersion, version)
	}
	in := layout.NewReader(raw[len(exportMagic)+1 : size])
	var did wallet.DID
	in.Fixed(did[:])
	in.Fixed(e.Network[:])
	if did != w.DID() {
		return e, fmt.Errorf("%w: %s", ErrExportWallet, did)
	}
	body, err := w.Unseal(exportUse, raw[:size], raw[size:])
	if err != nil {
		return e, fmt.Errorf("%w: %w", ErrExportFile, err)
	}
	if err := e.decode(layout.NewReader(body)); err != nil {
		return export{}, fmt.Errorf("%w: %w", ErrExportFile, err)
	}
	return e, nil
}

func (e *export) decode(in *layout.Reader) error {
	for range count(in) {
		r, err := readChannel(in)
		if err != nil {
			return err
		}
		e.Channels = append(e.Channels, r)
	}
	for range count(in) {
		kind := session.OpKind(in.Uint8())
		var id channel.ID
		in.Fixed(id[:])
		body, payload := in.Bytes(exportPartSizeMax), in.Bytes(exportPartSizeMax)
		if in.Err() != nil {
			break
		}
		op := session.NewOp(kind, id, channel.SessionID{}, body)
		op.Payload = payload
		e.Ops = append(e.Ops, op)
	}
	return in.Close()
}

func readChannel(in *layout.Reader) (session.ChannelRecord, error) {
	var id channel.ID
	in.Fixed(id[:])
	terms, progress := in.Bytes(exportPartSizeMax), in.Bytes(exportPartSizeMax)
	if err := in.Err(); err != nil {
		return session.ChannelRecord{}, err
	}
	return session.DecodeChannelRecord(id, terms, progress)
}

// count reads how many follow; each has at least a byte.
func count(in *layout.Reader) int {
	n := int(in.Uint32())
	if n > exportCountMax || n > in.Len() {
		in.Fail(fmt.Errorf("%d entries in %d bytes", n, in.Len()))
		return 0
	}
	return n
}
