package status_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
)

// An issuer gives a credential an index of its list, and revokes it later. A verifier looks the list up.
func Example() {
	directory, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(directory) }()
	issuer := credential.SignerOf(wallet.FromEntropy([wallet.EntropySize]byte{1}))
	car := wallet.FromEntropy([wallet.EntropySize]byte{2}).DID()
	today := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	list, err := status.Create(filepath.Join(directory, "1.json"), issuer, status.Settings{
		URL: "https://emp.example/v1/status-lists/1", Purpose: credential.PurposeRevocation,
		ValidFrom: today, ValidUntil: today.AddDate(0, 0, 7),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = list.Close() }()
	entry, err := list.Allocate()
	if err != nil {
		fmt.Println(err)
		return
	}
	contract, err := credential.Issue(issuer, credential.Template{
		Subject: car, ValidFrom: today, Status: []credential.StatusEntry{entry}, Claims: credential.Contract{ContractID: "DE-8AA-1"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	lists, err := status.NewCache(status.Options{MaxAge: 24 * time.Hour, OnUnknown: status.FailClosed})
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := credential.Policy{Trust: credential.TrustIssuers(issuer.DID), Status: lists}
	fmt.Println(lists.Put(list.Credential(), today))
	c, err := credential.Verify(contract, today, policy)
	fmt.Println(c.Standing, err)

	fmt.Println(list.Set(issuer, entry, true, today.Add(time.Hour), today.AddDate(0, 0, 7)))
	fmt.Println(lists.Put(list.Credential(), today.Add(time.Hour)))
	_, err = credential.Verify(contract, today.Add(time.Hour), policy)
	fmt.Println(errors.Is(err, credential.ErrRevoked))
	// Output:
	// <nil>
	// good <nil>
	// <nil>
	// <nil>
	// true
}
