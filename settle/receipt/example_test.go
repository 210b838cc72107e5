package receipt_test

import (
	"fmt"
	"strings"
	"testing"

	"joulepay/settle/receipt"
)

// panics stands in for a test where there is none.
type panics struct{ testing.TB }

func (panics) Helper()                   {}
func (panics) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (panics) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func Example() {
	file := encode(panics{}, signed(panics{}, charged(panics{}).evidence())) // as it was downloaded

	r, err := receipt.Parse(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := receipt.Verify(r, receipt.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("final:", report.Final, "settled:", report.Settled)
	for _, line := range strings.Split(receipt.Words(r), "\n")[:3] {
		fmt.Println(line)
	}
	// Output:
	// final: true settled: true
	// Vehicle did:joule:z6MktNWXFy7fn9kNfwfvD9e2rDK3RPetS4MRKtZH8AxQzg9y
	// paid 6.8064192 EUR to station did:joule:z6MkuBbLDXJVzgPqAFoZUXCkkSXLfDgyBhM6F5Y4Cj1cfJbF
	// for 9.632 kWh at DE*ABC*E1, 2026-03-01 12:00:00 to 2026-03-01 12:40:00 UTC.
}
