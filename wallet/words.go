package wallet

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tyler-smith/go-bip39"
	"github.com/tyler-smith/go-bip39/wordlists"
)

// WordCount is the number of words of a backup.
const WordCount = 24

// wordsSizeMax bounds what is read as words: the longest have 8 letters, and blanks are free.
const wordsSizeMax = 4096

// ErrWords is returned for words that spell no wallet. It never repeats them: they may be almost right.
var ErrWords = errors.New("wallet: not the 24 words of a wallet")

// FromWords gives the wallet that Words spelled. Upper and lower case and blanks do not matter, order does. Words with
// another checksum (a wrong word, or two in each other's place) are ErrWords. How often the account key was rotated is no part
// of the words: see FindRotation.
func FromWords(text string) (*Wallet, error) {
	if len(text) > wordsSizeMax {
		return nil, fmt.Errorf("%w: %d bytes", ErrWords, len(text))
	}
	words := strings.Fields(strings.ToLower(text))
	if len(words) != WordCount {
		return nil, fmt.Errorf("%w: there are %d", ErrWords, len(words))
	}
	for i, word := range words {
		if !slices.Contains(wordlists.English, word) {
			return nil, fmt.Errorf("%w: word %d is not in the list of BIP-39", ErrWords, i+1)
		}
	}
	entropy, err := bip39.EntropyFromMnemonic(strings.Join(words, " "))
	if err != nil || len(entropy) != EntropySize {
		return nil, fmt.Errorf("%w: the checksum does not fit: a word is wrong, or two changed places", ErrWords)
	}
	return FromEntropy([EntropySize]byte(entropy)), nil
}

// Path is one line of the table of derivation: a SLIP-0010 path, every level hardened, and what its key is for.
type Path struct {
	Path string `json:"path"`
	For  string `json:"for"`
}

// Paths gives the table of derivation, for whoever keeps the words and may have to find the keys with other software.
func Paths() []Path {
	return []Path{
		{"m/19024'/0'/n'", "account, after n rotations; n = 0 is the DID"},
		{"m/19024'/1'/high'/low'", "channel: upper and lower 16 bits of its index"},
		{"m/19024'/2'/0'", "the station's own meter"},
		{"m/19024'/3'/0'", "Noise handshake (X25519)"},
		{"m/19024'/4'/0'", "NATS broker"},
		{"m/19024'/5'/0'", "hash chains of ticks"},
		{"m/19024'/6'/0'", "exports of channels (XChaCha20-Poly1305)"},
		{"m/19024'/7'/a'/b'/c'/d'", "entropy of the pairwise wallet for one operator: 31 bits each of the hash of its DID"},
	}
}

// SaveInsecure writes the wallet to a new file as Save does, without a password: whoever reads the file has the keys.
func (w *Wallet) SaveInsecure(path string, options ...FileOption) error {
	data, err := seal(w, nil, nil, optionsOf(options).created)
	if err != nil {
		return err
	}
	return writeNew(path, data)
}
