package api

import (
	"fmt"
	"testing"
	"time"
)

func TestI9_TheTableOfRatesIsBounded(t *testing.T) {
	l := newLimiter(Rate{PerSecond: 1, Burst: 1})
	for i := range 3 * clientsMax {
		if !l.allow(fmt.Sprintf("10.%d.%d.1:1", i/256, i%256), time.Time{}) {
			t.Fatalf("client %d", i)
		}
		if len(l.young) > clientsMax || len(l.old) > clientsMax {
			t.Fatalf("%d and %d clients after %d", len(l.young), len(l.old), i)
		}
	}
}

func TestAClientIsRememberedThroughAGeneration(t *testing.T) {
	l := newLimiter(Rate{PerSecond: 1, Burst: 1})
	const heavy = "192.0.2.1:1"
	l.allow(heavy, time.Time{})
	for i := range clientsMax {
		l.allow(fmt.Sprintf("10.%d.%d.1:1", i/256, i%256), time.Time{})
	}
	if l.allow(heavy, time.Time{}) {
		t.Error("other clients made the server forget this one")
	}
}

func TestWhatIsNoAddressSharesOneBucket(t *testing.T) {
	if clientKey("@") != clientKey("nonsense:1") || clientKey("10.0.0.1:5") != clientKey("[::ffff:10.0.0.1]:6") {
		t.Error("clients that are one have several buckets")
	}
}
