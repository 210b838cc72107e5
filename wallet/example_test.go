package wallet_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"joulepay/wallet"
)

// A station keeps its wallet in a file, signs with it, and anyone who knows its DID verifies.
func Example() {
	directory, err := os.MkdirTemp("", "joulepay")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)
	path := filepath.Join(directory, "wallet.json")
	password := []byte("correct horse battery staple")

	station, err := wallet.Create(path, password)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = wallet.Open(path, []byte("a guess"))
	fmt.Println("a guess opens it:", !errors.Is(err, wallet.ErrPassword))

	network := wallet.NetworkID{1}
	quote := []byte("0.49 EUR/kWh")
	signature := station.Account().Sign(wallet.DomainQuote, network, quote)
	key := station.DID().InceptionKey()
	fmt.Println("as a quote:", wallet.Verify(key, wallet.DomainQuote, network, quote, signature) == nil)
	fmt.Println("as a receipt:", wallet.Verify(key, wallet.DomainReceipt, network, quote, signature) == nil)
	// Output:
	// a guess opens it: false
	// as a quote: true
	// as a receipt: false
}

func ExampleFromEntropy() {
	w := wallet.FromEntropy([32]byte{}) // for tests and simulations: the same wallet each time
	fmt.Println(w.DID())
	fmt.Println(w)
	// Output:
	// did:joule:z6Mkhjqi16rN6PLXHF4djPB4xQhSiUHP1gPNPwRXy865HfPR
	// redacted
}
