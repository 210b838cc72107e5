package operator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// genesisFile holds, in a node's directory, the canonical bytes of the genesis vertex.
const genesisFile = "genesis.bin"

// Errors of a genesis.
var (
	ErrOtherNetwork = errors.New("operator: the directory belongs to another network")
	ErrGenesisFile  = errors.New("operator: not a genesis file")
)

const (
	devNetworkName = "joulepay-dev"
	// devCap is what the wallet of the first run may issue: no development runs out of it, and sums stay far
	// from the range of an amount.
	devCap money.Amount = 1_000_000_000 * money.Nano
)

// DevGenesis is the network of a first run without a genesis: this wallet is its only issuer and its only witness.
func DevGenesis(did wallet.DID, now time.Time) settle.Genesis {
	return settle.Genesis{
		Name: devNetworkName, Currency: money.Currency{'E', 'U', 'R'}, Time: now.UTC().Truncate(time.Millisecond),
		Issuers:   []settle.Issuer{{DID: did, Cap: devCap}},
		Witnesses: []settle.Witness{{DID: did, Key: did.InceptionKey(), Weight: 1}},
		Limits:    settle.DefaultLimits(),
	}
}

func genesisPath(dir string) string { return filepath.Join(dir, genesisFile) }

// ownGenesis gives the genesis of a directory. On the first run that is the one given, else a new one for development.
// If we crash after it was written, the next run finds it and goes on.
func ownGenesis(dir string, given *settle.Vertex, fresh func() (*settle.Vertex, error)) (genesis *settle.Vertex, made bool, err error) {
	path := genesisPath(dir)
	genesis, err = readGenesis(path)
	switch {
	case err == nil && given != nil && given.ID() != genesis.ID():
		return nil, false, fmt.Errorf("%w: %s has %s, the genesis given is %s", ErrOtherNetwork, dir, genesis.ID(), given.ID())
	case err == nil:
		return genesis, false, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, false, err
	}
	if genesis = given; genesis == nil {
		if genesis, err = fresh(); err != nil {
			return nil, false, err
		}
	}
	return genesis, true, writeNew(path, genesis.Encode())
}

// readGenesis reads a genesis file.
func readGenesis(path string) (*settle.Vertex, error) {
	raw, err := readBounded(path, settle.VertexSizeMax)
	if err != nil {
		return nil, fmt.Errorf("read the genesis: %w", err)
	}
	vertex, err := settle.DecodeVertex(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrGenesisFile, path, err)
	}
	if vertex.Payload().Kind() != settle.KindGenesis {
		return nil, fmt.Errorf("%w: %s holds a %s vertex", ErrGenesisFile, path, vertex.Payload().Kind())
	}
	return vertex, nil
}

// writeNew writes a file whole and durably, and replaces nothing: then it returns fs.ErrExist.
func writeNew(path string, content []byte) error {
	directory := filepath.Dir(path)
	temporary, err := os.CreateTemp(directory, ".new-*.tmp")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // a leftover harms nobody
	_, err = temporary.Write(content)
	if err := errors.Join(err, temporary.Chmod(0o644), temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Link(temporary.Name(), path); err != nil { // unlike a rename, it replaces nothing
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncDirectory(directory)
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// readBounded reads a file of at most size bytes.
func readBounded(path string, size int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	return readAllBounded(file, path, size)
}

func readAllBounded(from io.Reader, name string, size int64) ([]byte, error) {
	var content bytes.Buffer
	if _, err := content.ReadFrom(io.LimitReader(from, size+1)); err != nil {
		return nil, err
	}
	if int64(content.Len()) > size {
		return nil, fmt.Errorf("%s has more than %d bytes", name, size)
	}
	return content.Bytes(), nil
}
