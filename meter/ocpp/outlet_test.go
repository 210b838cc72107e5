package ocpp_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"joulepay/meter"
	"joulepay/meter/ocpp"
	"joulepay/meter/ocpp/ocpptest"
)

// charging brings a station of 1.6 to a running transaction at connector 1, whose register begins at 1,000 Wh.
func charging(t *testing.T, w *world) (*station16, *ocpp.Outlet, int64) {
	t.Helper()
	s := connect16(t, w)
	s.status(1, "Preparing")
	o := w.system.Station(0).Outlet(1)
	start(t, w, o)
	s.Expect("RemoteStartTransaction")
	transaction, may := s.starts(1, "DID-0001", 1000)
	if !may {
		t.Fatal("the transaction of a session that wants it is refused")
	}
	s.status(1, "Charging")
	return s, o, transaction
}

func world16(t *testing.T) *world {
	return serve(t, ocpp.Config{Stations: oneStation(1, 2), Contracts: contracts()})
}

func TestAnOutletCountsWhatItsStationDelivers(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	if got := sampled(t, w, o); got.Register != 7_000_000 || got.State != meter.Charging || !o.Plugged() {
		t.Fatalf("%+v", got)
	}
	w.pass(5 * time.Second)
	s.meters(1, transaction, "1020.79")
	seen := w.clock()
	w.pass(time.Second)
	got := sampled(t, w, o)
	if got.Register != 7_020_000 || !got.Time.Equal(seen) {
		t.Fatalf("rounded down to a watt-hour, at the moment it came: %+v", got)
	}
	s.status(1, "SuspendedEV")
	if got := sampled(t, w, o); got.State != meter.SuspendedVehicle {
		t.Fatalf("%+v", got)
	}
	w.pass(time.Second)
	if err := o.Stop(w.clock()); !errors.Is(err, meter.ErrPending) {
		t.Fatal(err)
	}
	if _, err := o.Sample(w.clock()); !errors.Is(err, meter.ErrPending) {
		t.Fatal(err)
	}
	if f := s.Expect("SetChargingProfile"); limitOf(t, f) != 0 {
		t.Fatalf("%s", f.Payload)
	}
	s.Expect("RemoteStopTransaction")
	s.stops(transaction, 1021)
	if got := sampled(t, w, o); got.Register != 7_021_000 || got.State != meter.Ended {
		t.Fatalf("%+v", got)
	}
	if err := o.Stop(w.clock()); err != nil {
		t.Fatal(err)
	}
	o.Hold("")
	o.Hold(driver)
	if got := sampled(t, w, o); got.Register != 7_021_000 || got.State != meter.SuspendedStation {
		t.Fatalf("the next session goes on where the last ended: %+v", got)
	}
}

func TestNoClaimNoEnergy(t *testing.T) {
	t.Run("a transaction that nobody holds the outlet for is refused and stopped", func(t *testing.T) {
		w := world16(t)
		s := connect16(t, w)
		if raw := s.does("Authorize", `{"idTag":"DID-0001"}`); !strings.Contains(string(raw), "Invalid") {
			t.Errorf("%s", raw)
		}
		if _, may := s.starts(1, "DID-0001", 5); may {
			t.Error("it may charge")
		}
		s.Expect("RemoteStopTransaction")
		w.awaits(ocpp.EventStray)
	})
	t.Run("and so is one before the baseline is paid", func(t *testing.T) {
		w := world16(t)
		s := connect16(t, w)
		w.system.Station(0).Outlet(1).Hold(driver)
		if _, may := s.starts(1, "DID-0001", 5); may {
			t.Error("it may charge")
		}
		s.Expect("RemoteStopTransaction")
	})
	t.Run("and one of somebody else", func(t *testing.T) {
		w := world16(t)
		s := connect16(t, w)
		start(t, w, w.system.Station(0).Outlet(1))
		s.Expect("RemoteStartTransaction")
		if _, may := s.starts(1, "OTHER", 5); may {
			t.Error("it may charge")
		}
		if _, may := s.starts(2, "DID-0001", 5); may {
			t.Error("it may charge at the other connector")
		}
	})
	t.Run("a station that is still busy with one is waited for", func(t *testing.T) {
		w := world16(t)
		s := connect16(t, w)
		s.Replies(func(f ocpp.Frame) (string, bool) {
			if f.Action == "RemoteStartTransaction" {
				return `{"status":"Rejected"}`, true
			}
			return `{"status":"Accepted"}`, true
		})
		o := w.system.Station(0).Outlet(1)
		start(t, w, o)
		s.Expect("RemoteStartTransaction")
		w.awaitsMore(ocpp.EventCall)
		s.meters(1, 77, "1000") // of the session before the central system was restarted
		s.Expect("RemoteStopTransaction")
		s.stops(77, 2000)
		s.Replies(nil)
		w.pass(5 * time.Second)
		if got := sampled(t, w, o); got.State != meter.SuspendedStation {
			t.Fatalf("%+v", got)
		}
		s.Expect("RemoteStartTransaction")
		if transaction, may := s.starts(1, "DID-0001", 2000); !may || transaction == 77 {
			t.Fatal(transaction, may)
		}
		if got := sampled(t, w, o); got.State != meter.Charging || got.Register != 7_000_000 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("one that the central system does not know any more is stopped", func(t *testing.T) {
		w := world16(t)
		s := connect16(t, w)
		s.meters(1, 77, "1000")
		if f := s.Expect("RemoteStopTransaction"); !strings.Contains(string(f.Payload), "77") {
			t.Errorf("%s", f.Payload)
		}
		s.stops(77, 2000)
		if got, err := w.system.Station(0).Outlet(1).Sample(w.clock()); err != nil || got.Register != 7_000_000 {
			t.Errorf("it is billed: %+v, %v", got, err)
		}
	})
	t.Run("a vehicle that holds the outlet is known, in any case", func(t *testing.T) {
		w := world16(t)
		s := connect16(t, w)
		w.system.Station(0).Outlet(1).Hold(driver)
		if raw := s.does("Authorize", `{"idTag":"did-0001"}`); !strings.Contains(string(raw), "Accepted") {
			t.Errorf("%s", raw)
		}
	})
}

func TestAPauseIsMeteredNotBelieved(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	if err := o.SetLimit(w.clock(), 0); err != nil {
		t.Fatal(err)
	}
	if f := s.Expect("SetChargingProfile"); limitOf(t, f) != 0 {
		t.Fatalf("%s", f.Payload)
	}
	w.settled(func() bool { return sampled(t, w, o).State == meter.SuspendedStation })
	w.pass(5 * time.Second)
	s.meters(1, transaction, "1300") // within what a vehicle needs to ramp down
	if len(w.of(ocpp.EventFault)) != 0 {
		t.Fatal("a ramp is taken for a fault")
	}
	w.pass(15 * time.Second)
	s.meters(1, transaction, "1900")
	fault := w.awaits(ocpp.EventFault)
	if !errors.Is(fault.Err, ocpp.ErrUnpaidEnergy) {
		t.Fatal(fault.Err)
	}
	if _, err := o.Sample(w.clock()); !errors.Is(err, ocpp.ErrUnpaidEnergy) {
		t.Fatal(err)
	}
	s.Expect("RemoteStopTransaction")
	s.stops(transaction, 1950)
	o.Hold("")
	o.Hold(driver)
	if err := o.Start(w.clock(), 1); !errors.Is(err, ocpp.ErrUnpaidEnergy) || o.Ready() == nil {
		t.Fatalf("the station serves the next: %v", err)
	}
	s.does("BootNotification", `{"chargePointVendor":"Acme","chargePointModel":"One"}`)
	if err := o.Ready(); err != nil {
		t.Fatal(err)
	}
}

func TestAStationThatCannotPauseIsStopped(t *testing.T) {
	w := world16(t)
	s, o, _ := charging(t, w)
	s.Replies(func(f ocpp.Frame) (string, bool) {
		if f.Action == "SetChargingProfile" {
			return `{"status":"NotSupported"}`, true
		}
		return `{"status":"Accepted"}`, true
	})
	if err := o.SetLimit(w.clock(), 0); err != nil {
		t.Fatal(err)
	}
	s.Expect("RemoteStopTransaction")
}

func TestAStationIsResumedWithItsPower(t *testing.T) {
	w := world16(t)
	s, o, _ := charging(t, w)
	if err := o.SetLimit(w.clock(), 0); err != nil {
		t.Fatal(err)
	}
	s.Expect("SetChargingProfile")
	s.Replies(func(f ocpp.Frame) (string, bool) {
		if strings.Contains(string(f.Payload), `"W"`) {
			return `{"status":"Rejected"}`, true
		}
		return `{"status":"Accepted"}`, true
	})
	if err := o.SetLimit(w.clock(), 11_000_000); err != nil {
		t.Fatal(err)
	}
	if f := s.Expect("SetChargingProfile"); limitOf(t, f) != 11_000 {
		t.Fatalf("%s", f.Payload)
	}
	if f := s.Expect("SetChargingProfile"); limitOf(t, f) != 15.9 || !strings.Contains(string(f.Payload), `"A"`) {
		t.Fatalf("%s", f.Payload)
	}
}

func TestAStationThatDoesNotStopIsShutOut(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	w.pass(time.Second)
	s.meters(1, transaction, "1010")
	_ = o.Stop(w.clock())
	s.Expect("RemoteStopTransaction")
	w.pass(31 * time.Second)
	got, err := o.Sample(w.clock())
	if err != nil || got.State != meter.Ended || got.Register != 7_010_000 {
		t.Fatalf("the session ends with what is known: %+v, %v", got, err)
	}
	if fault := w.awaits(ocpp.EventFault); !errors.Is(fault.Err, ocpp.ErrDoesNotStop) {
		t.Fatal(fault.Err)
	}
	if err := o.Stop(w.clock()); !errors.Is(err, meter.ErrPending) {
		t.Fatalf("the outlet is taken for free: %v", err)
	}
	s.Expect("RemoteStopTransaction") // again
}

func TestAStationThatRefusesOrForgetsToStartEndsTheSession(t *testing.T) {
	t.Run("refuses", func(t *testing.T) {
		w := world16(t)
		s := connect16(t, w)
		s.Replies(func(f ocpp.Frame) (string, bool) { return `{"status":"Rejected"}`, true })
		o := w.system.Station(0).Outlet(1)
		start(t, w, o)
		for range 4 { // it is asked again
			s.Expect("RemoteStartTransaction")
			w.awaitsMore(ocpp.EventCall)
			w.pass(5 * time.Second)
			if _, err := o.Sample(w.clock()); err != nil {
				t.Fatal(err)
			}
		}
		w.pass(time.Second)
		if _, err := o.Sample(w.clock()); !errors.Is(err, ocpp.ErrRefused) {
			t.Fatal(err)
		}
	})
	t.Run("forgets", func(t *testing.T) {
		w := world16(t)
		s := connect16(t, w)
		o := w.system.Station(0).Outlet(1)
		start(t, w, o)
		s.Expect("RemoteStartTransaction")
		w.settled(func() bool {
			w.pass(91 * time.Second)
			_, err := o.Sample(w.clock())
			return errors.Is(err, ocpp.ErrNoTransaction)
		})
	})
	t.Run("does not answer", func(t *testing.T) {
		w := serve(t, ocpp.Config{Stations: oneStation(1), Contracts: contracts(), CallTimeout: time.Millisecond})
		s := ocpptest.MustDial(t, w.url+"S001", "ocpp1.6", nil)
		s.Replies(func(f ocpp.Frame) (string, bool) { return "", false })
		s.Ask("boot", "BootNotification", `{"chargePointVendor":"Acme","chargePointModel":"One"}`)
		o := w.system.Station(0).Outlet(1)
		start(t, w, o)
		s.Expect("RemoteStartTransaction")
		w.settled(func() bool {
			w.pass(5 * time.Second)
			_, err := o.Sample(w.clock())
			return errors.Is(err, ocpp.ErrRefused) && errors.Is(err, ocpp.ErrTimeout)
		})
	})
}

func TestASilentStationEndsTheSession(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	w.pass(time.Second)
	s.meters(1, transaction, "1010")
	w.pass(35 * time.Second)
	if got := sampled(t, w, o); got.Register != 7_010_000 {
		t.Fatalf("%+v", got)
	}
	w.pass(time.Second)
	if got, err := o.Sample(w.clock()); !errors.Is(err, ocpp.ErrSilent) || got.Register != 7_010_000 {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestABrokenRegisterEndsTheBillAndLeavesProof(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	w.pass(5 * time.Second)
	s.meters(1, transaction, "1100")
	w.pass(5 * time.Second)
	s.meters(1, transaction, "3")
	got, err := o.Sample(w.clock())
	if !errors.Is(err, ocpp.ErrRegisterFell) || got.Register != 7_100_000 || got.State != meter.Ended {
		t.Fatalf("%+v, %v", got, err)
	}
	if !strings.HasPrefix(got.Evidence, "OCPP|{") || !strings.Contains(got.Evidence, `"value":"3"`) {
		t.Fatalf("the frame is not kept: %q", got.Evidence)
	}
	if fault := w.awaits(ocpp.EventFault); !strings.Contains(string(fault.Frame), `"value":"3"`) {
		t.Errorf("%s", fault.Frame)
	}
	s.Expect("RemoteStopTransaction")
	s.stops(transaction, 5)
	if got, err := o.Sample(w.clock()); !errors.Is(err, ocpp.ErrRegisterFell) || got.Register != 7_100_000 || got.Evidence == "" {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestWhatWasGoodBeforeABrokenRegisterIsBilledThoughNobodyLookedInBetween(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	w.pass(5 * time.Second)
	s.meters(1, transaction, "1100")
	s.stops(transaction, 5)
	if got, err := o.Sample(w.clock()); !errors.Is(err, ocpp.ErrRegisterFell) || got.Register != 7_100_000 || !strings.Contains(got.Evidence, `"meterStop":5`) {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestMessagesAreTakenOnceHoweverOftenTheyCome(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	if again, may := s.starts(1, "DID-0001", 1000); again != transaction || !may {
		t.Fatalf("a repeated start is transaction %d, was %d", again, transaction)
	}
	w.pass(5 * time.Second)
	s.meters(1, transaction, "1100")
	at := w.clock()
	w.pass(5 * time.Second)
	s.meters(1, transaction, "1200")
	s.metersAt(at, 1, transaction, "1100")
	s.stops(transaction, 1201)
	s.stops(transaction, 1300)
	if got := sampled(t, w, o); got.Register != 7_201_000 {
		t.Fatalf("%+v", got)
	}
	if again, may := s.starts(1, "DID-0001", 1000); may && again == transaction {
		t.Error("a new start is taken for the one of the transaction that ended") // its time is another
	}
}

func TestAReconnectionInTheMiddleLosesNothing(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	w.pass(5 * time.Second)
	s.meters(1, transaction, "1100")
	s.Leave()
	w.awaits(ocpp.EventDisconnected)
	first := w.pass(5 * time.Second)
	if got := sampled(t, w, o); got.Register != 7_100_000 || o.Ready() == nil {
		t.Fatalf("%+v, ready %v", got, o.Ready())
	}
	second := w.pass(5 * time.Second)
	back := connect16(t, w)
	back.metersAt(first, 1, transaction, "1150") // queued while offline
	back.metersAt(second, 1, transaction, "1200")
	if got := sampled(t, w, o); got.Register != 7_200_000 {
		t.Fatalf("%+v", got)
	}
	_ = o.Stop(w.clock())
	back.Expect("RemoteStopTransaction")
	back.stops(transaction, 1201)
	if got := sampled(t, w, o); got.Register != 7_201_000 || got.State != meter.Ended {
		t.Fatalf("%+v", got)
	}
}

func TestAStopIsToldAgainToAStationThatWasAway(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	s.Leave()
	w.awaits(ocpp.EventDisconnected)
	if err := o.Stop(w.clock()); !errors.Is(err, meter.ErrPending) {
		t.Fatal(err)
	}
	back := connect16(t, w)
	back.Expect("RemoteStopTransaction")
	back.stops(transaction, 1000)
	if got := sampled(t, w, o); got.State != meter.Ended {
		t.Fatalf("%+v", got)
	}
}

func TestAStopThatWasLostWithItsConnectionIsToldAgain(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	_ = o.Stop(w.clock())
	s.Expect("RemoteStopTransaction") // accepted, and forgotten
	s.Leave()
	w.awaits(ocpp.EventDisconnected)
	back := connect16(t, w)
	back.Expect("SetChargingProfile")
	back.Expect("RemoteStopTransaction")
	back.stops(transaction, 1000)
}

func TestAStationThatConnectsWithoutBootingIsSetUp(t *testing.T) {
	w := world16(t)
	s := ocpptest.MustDial(t, w.url+"S001", "ocpp1.6", nil)
	s.Ask("1", "Heartbeat", `{}`)
	if f := s.Expect("ChangeConfiguration"); !strings.Contains(string(f.Payload), `"value":"5"`) {
		t.Errorf("%s", f.Payload)
	}
	start(t, w, w.system.Station(0).Outlet(1))
	s.Expect("RemoteStartTransaction")
}

func TestATransactionOfTheHolderBeforeIsNotTheNextOnes(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	w.pass(5 * time.Second)
	s.meters(1, transaction, "1010")
	o.Hold("did:joule:another")
	s.Expect("RemoteStopTransaction")
	s.meters(1, transaction, "1020")
	s.stops(transaction, 1020)
	if got := sampled(t, w, o); got.State == meter.Ended || got.Register != 7_000_000 {
		t.Fatalf("nobody read the ten watt-hours of the one before: %+v", got)
	}
}

func TestAnOutletThatNobodyHoldsDeliversNothing(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	o.Hold("")
	s.Expect("SetChargingProfile")
	s.Expect("RemoteStopTransaction")
	s.stops(transaction, 1000)
	w.pass(time.Second)
	if _, may := s.starts(1, "DID-0001", 1000); may {
		t.Error("a transaction without a holder")
	}
}

func TestANewConnectionTakesThePlaceOfTheOld(t *testing.T) {
	w := world16(t)
	old, o, transaction := charging(t, w)
	back := connect16(t, w)
	<-old.Gone()
	back.meters(1, transaction, "1001")
	if got := sampled(t, w, o); got.Register != 7_001_000 || o.Ready() != nil {
		t.Fatalf("%+v, %v", got, o.Ready())
	}
}

func TestTwoConnectorsAreApart(t *testing.T) {
	w := world16(t)
	s, one, first := charging(t, w)
	two := w.system.Station(0).Outlet(2)
	two.Hold("did:joule:another")
	if err := two.Start(w.clock(), 50_000_000); err != nil {
		t.Fatal(err)
	}
	if f := s.Expect("RemoteStartTransaction"); !strings.Contains(string(f.Payload), ocpp.Token("did:joule:another")) {
		t.Fatalf("%s", f.Payload)
	}
	second, may := s.starts(2, ocpp.Token("did:joule:another"), 500_000)
	if !may || second == first {
		t.Fatalf("transactions %d and %d, %v", first, second, may)
	}
	if f := s.Expect("SetChargingProfile"); limitOf(t, f) != 50_000 {
		t.Fatalf("a limit below the outlet's is told: %s", f.Payload)
	}
	w.pass(5 * time.Second)
	s.meters(1, first, "1100")
	s.meters(2, second, "500050")
	s.stops(first, 1101)
	if a, b := sampled(t, w, one), sampled(t, w, two); a.Register != 7_101_000 || a.State != meter.Ended || b.Register != 7_050_000 || b.State != meter.Charging {
		t.Fatalf("%+v and %+v", a, b)
	}
}

func TestAnOutletIsAConnectorLikeAnyOther(t *testing.T) {
	w := world16(t)
	o := w.system.Station(0).Outlet(1)
	if err := o.Ready(); !errors.Is(err, ocpp.ErrOffline) {
		t.Fatal(err)
	}
	if err := o.Start(w.clock(), 1); !errors.Is(err, meter.ErrNotPlugged) {
		t.Fatal(err)
	}
	s := connect16(t, w)
	o.Hold(driver)
	if err := o.SetLimit(w.clock(), 1); !errors.Is(err, meter.ErrNotStarted) {
		t.Fatal(err)
	}
	if err := o.Start(w.clock(), -1); !errors.Is(err, meter.ErrLimit) {
		t.Fatal(err)
	}
	if err := o.Stop(w.clock()); err != nil {
		t.Fatal(err)
	}
	s.status(1, "Unavailable")
	if err := o.Start(w.clock(), 1); !errors.Is(err, meter.ErrNotPlugged) || o.Ready() == nil {
		t.Fatal(err)
	}
	s.status(1, "Available")
	if err := o.Start(w.clock(), 1); err != nil || o.Plugged() {
		t.Fatal(err)
	}
	if err := o.Start(w.clock(), 1); !errors.Is(err, meter.ErrStarted) {
		t.Fatal(err)
	}
	if err := o.SetLimit(w.clock(), -1); !errors.Is(err, meter.ErrLimit) {
		t.Fatal(err)
	}
}

func TestAStationThatNeverCameEndsTheSession(t *testing.T) {
	w := world16(t)
	o := w.system.Station(0).Outlet(1)
	o.Hold(driver)
	if _, err := o.Sample(w.pass(2 * time.Minute)); err != nil {
		t.Fatalf("it is given no time to come: %v", err)
	}
	if _, err := o.Sample(w.pass(time.Second)); !errors.Is(err, ocpp.ErrOffline) {
		t.Fatal(err)
	}
}
