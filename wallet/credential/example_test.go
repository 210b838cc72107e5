package credential_test

import (
	"errors"
	"fmt"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// A calibration office issues a credential about the meter in a station; a vehicle that trusts the office checks it.
func Example() {
	office := credential.SignerOf(wallet.FromEntropy([wallet.EntropySize]byte{1}))
	charger := wallet.FromEntropy([wallet.EntropySize]byte{2})
	today := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	compact, err := credential.Issue(office, credential.Template{
		Subject: charger.DID(), ValidFrom: today, ValidUntil: today.AddDate(8, 0, 0),
		Claims: credential.Calibration{
			MeterKey: charger.Meter().Public(), MeterSerial: "1EMH0012345678", TypeExamination: "DE-22-M-PTB-0047",
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := credential.Policy{Trust: credential.TrustFor(map[credential.Kind][]wallet.DID{
		credential.KindCalibration: {office.DID},
	})}
	c, err := credential.CheckCalibration(compact, charger.DID(), charger.Meter().Public(), today, policy)
	fmt.Println(c.Claims.(credential.Calibration).MeterSerial, err)

	_, err = credential.CheckCalibration(compact, charger.DID(), charger.Meter().Public(), today.AddDate(9, 0, 0), policy)
	fmt.Println(errors.Is(err, credential.ErrExpired))
	// Output:
	// 1EMH0012345678 <nil>
	// true
}

// A vehicle shows its contract to one station, which asked with a nonce of its own.
func ExamplePresent() {
	provider := credential.SignerOf(wallet.FromEntropy([wallet.EntropySize]byte{3}))
	car := credential.SignerOf(wallet.FromEntropy([wallet.EntropySize]byte{4}))
	charger := wallet.FromEntropy([wallet.EntropySize]byte{2}).DID()
	today := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	contract, err := credential.Issue(provider, credential.Template{
		Subject: car.DID, ValidFrom: today, Claims: credential.Contract{ContractID: "DE-8AA-C12E456L8-X"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	presentation, err := credential.Present(car, charger, "n-0S6_WzA2Mj", today, contract)
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := credential.Policy{Trust: credential.TrustIssuers(provider.DID)}
	shown, err := credential.VerifyPresentation(presentation, credential.Challenge{Audience: charger, Nonce: "n-0S6_WzA2Mj"}, today, policy)
	fmt.Println(shown.Holder == car.DID, shown.Credentials[0].Kind, err)
	_, err = credential.VerifyPresentation(presentation, credential.Challenge{Audience: charger, Nonce: "another"}, today, policy)
	fmt.Println(errors.Is(err, credential.ErrNonce))
	// Output:
	// true contract <nil>
	// true
}
