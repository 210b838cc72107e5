package store_test

import (
	"testing"

	"joulepay/channel/store"
	"joulepay/channel/store/storetest"
)

func TestTheTwinKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return store.NewMemory() })
}
