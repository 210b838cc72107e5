package vehicle

import (
	"errors"
	"testing"

	"joulepay/channel/quote"
)

func TestAVehicleThatGivesBackPicksAnOutletThatTakes(t *testing.T) {
	stations := []quote.Announcement{
		{Service: "charging", EVSE: "cheap", UnitPrice: 1, Free: true},
		{Service: "charging", EVSE: "takes", UnitPrice: 2, Free: true, MaxReturnMw: 1},
	}
	if s, err := Pick(stations, Wish{Service: "charging"}); err != nil || s.EVSE != "cheap" {
		t.Errorf("%s, %v", s.EVSE, err)
	}
	if s, err := Pick(stations, Wish{Service: "charging", GivesBack: true}); err != nil || s.EVSE != "takes" {
		t.Errorf("%s, %v", s.EVSE, err)
	}
	if _, err := Pick(stations[:1], Wish{Service: "charging", GivesBack: true}); !errors.Is(err, ErrNoneFits) {
		t.Error(err)
	}
}
