package did_test

import (
	"fmt"

	"joulepay/settle"
	"joulepay/settle/did"
	"joulepay/wallet"
)

func Example() {
	station := wallet.DIDOf(wallet.NewPrivateKey([32]byte{3}).Public())
	r := did.Resolve(station, settle.Identity{
		Key: station.InceptionKey(), Status: settle.AccountActive, Version: 2, Document: settle.Document{
			Role: settle.RoleStation, Services: []settle.Service{{Name: "broker", Type: "JoulepayNATS", Endpoint: "nats://depot:4222"}},
		},
	})
	fmt.Println(r.Document.ID == station.String(), r.Document.Role, r.Metadata.VersionID)
	fmt.Println(r.Document.Service[0].ServiceEndpoint)
	// Output:
	// true station 2
	// nats://depot:4222
}
