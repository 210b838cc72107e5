package store_test

import (
	"testing"

	"joulepay/internal/campaign"
	"joulepay/settle/store"
	"joulepay/settle/store/storetest"
)

func TestMemory(t *testing.T) {
	histories := campaign.New(t).Size("store_histories", 10)
	storetest.Run(t, histories, func(testing.TB) store.Store { return store.NewMemory() },
		func(_ testing.TB, s store.Store) store.Store { return s })
}
