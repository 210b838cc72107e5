package wallet

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"gopkg.in/yaml.v3"
)

// holder is what a careless caller prints: keys in fields of both kinds, where fmt calls no method.
type holder struct {
	Key    PrivateKey
	Wallet *Wallet
	key    PrivateKey
	keys   []PrivateKey
	wallet *Wallet
}

// assertNoSecret looks for any eight bytes of a secret, in the forms that the encoders of Go write bytes.
func assertNoSecret(t *testing.T, how, output string, secrets ...[]byte) {
	t.Helper()
	for _, secret := range secrets {
		for start := 0; start+8 <= len(secret); start += 8 {
			part := secret[start : start+8]
			decimal := strings.Trim(fmt.Sprint(part), "[]")
			forms := []string{
				string(part),
				hex.EncodeToString(part),
				strings.ToUpper(hex.EncodeToString(part)),
				decimal,
				strings.ReplaceAll(decimal, " ", ","),
				strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte{"), "}"),
				strings.Trim(fmt.Sprintf("%o", part), "[]"),
				strings.Trim(fmt.Sprintf("%b", part), "[]"),
				base64.StdEncoding.EncodeToString(secret)[:16],
			}
			for _, form := range forms {
				if strings.Contains(output, form) {
					t.Fatalf("%s shows %q of a secret: %s", how, form, output)
				}
			}
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	w := FromEntropy(bip39Entropy)
	key := w.Account()
	secrets := [][]byte{bip39Entropy[:], key.secret()[:SeedSize], w.secret().root.key[:], w.secret().root.chain[:]}
	held := holder{Key: key, Wallet: w, key: key, keys: []PrivateKey{key}, wallet: w}
	for _, value := range []any{key, &key, w, *w, held, &held, []any{held}, map[string]holder{"a": held}} {
		for _, verb := range "vTtbcdoOqxXUeEfFgGspw" {
			for _, flag := range []string{"", "+", "#", " ", "0", "-8.3", "+#"} {
				format := "%" + flag + string(verb)
				output := fmt.Sprintf(format, value)
				assertNoSecret(t, format, output, secrets...)
				if strings.Contains(output, "hamster") {
					t.Fatalf("%s shows the words: %s", format, output)
				}
			}
		}
	}
	if got := fmt.Sprintf("%v %s %x", key, &key, w); got != "redacted redacted redacted" {
		t.Errorf("got %q", got)
	}
}

func TestSecretsAreNeverLogged(t *testing.T) {
	w := FromEntropy(bip39Entropy)
	held := holder{Key: w.Account(), Wallet: w, key: w.Account(), wallet: w}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("secrets", "key", w.Account(), "wallet", w, "value", *w, "held", held, "pointer", &held)
	}
	assertNoSecret(t, "slog", log.String(), bip39Entropy[:], w.Account().secret()[:SeedSize])
	if strings.Contains(log.String(), "hamster") || !strings.Contains(log.String(), "key=redacted") {
		t.Errorf("got %s", log.String())
	}
}

func TestSecretsRefuseToBeEncoded(t *testing.T) {
	encoders := map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"yaml": yaml.Marshal,
		"xml":  xml.Marshal,
		"cbor": cbor.Marshal,
		"gob": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		},
	}
	w := FromEntropy(bip39Entropy)
	for name, encode := range encoders {
		for _, value := range []any{w.Account(), w, struct{ Key PrivateKey }{w.Account()}, struct{ Wallet *Wallet }{w}} {
			if encoded, err := encode(value); err == nil {
				t.Errorf("%s of %T gives %q", name, value, encoded)
			}
		}
	}
}
