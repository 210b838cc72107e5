package link_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"joulepay/channel/link"
)

func join(t testing.TB, n *link.Network, addr link.Addr) link.Link {
	t.Helper()
	l, err := n.Join(addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func send(t testing.TB, from link.Link, to link.Addr, text string) {
	t.Helper()
	if err := from.Send(to, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// arrived gives what waits at a link, without waiting for more.
func arrived(l link.Link) (texts []string) {
	for {
		select {
		case d, open := <-l.Receive():
			if !open {
				return texts
			}
			texts = append(texts, string(d.Payload))
		default:
			return texts
		}
	}
}

func TestAQueuedNetworkMovesOnlyWhenTold(t *testing.T) {
	n := link.NewNetwork(1, link.Faults{})
	a, b := join(t, n, "a"), join(t, n, "b")
	send(t, a, "b", "one")
	send(t, a, "b", "two")
	if got := arrived(b); len(got) != 0 || n.Pending() != 2 {
		t.Fatalf("%v arrived by itself, %d pending", got, n.Pending())
	}
	if !n.Deliver() {
		t.Fatal("nothing to deliver")
	}
	if got := arrived(b); !slices.Equal(got, []string{"one"}) {
		t.Fatalf("after one delivery: %v", got)
	}
	d, ok := n.Pop()
	if !ok || d.From != "a" || d.To != "b" || string(d.Payload) != "two" {
		t.Fatalf("popped %+v %v", d, ok)
	}
	if got := arrived(b); len(got) != 0 {
		t.Fatalf("popped and delivered: %v", got)
	}
	if !n.Hand(d) || !slices.Equal(arrived(b), []string{"two"}) {
		t.Fatal("handed over and not there")
	}
	if n.Deliver() {
		t.Fatal("delivered from an empty network")
	}
}

func TestANetworkRepeatsItselfForASeed(t *testing.T) {
	run := func(seed uint64) (string, link.Counts) {
		n := link.NewNetwork(seed, link.Faults{Loss: 0.2, Duplicate: 0.2, Reorder: 0.3})
		a, b := join(t, n, "a"), join(t, n, "b")
		for i := range 200 {
			send(t, a, "b", fmt.Sprint(i))
			if i%7 == 0 {
				n.Deliver()
			}
		}
		n.DeliverAll()
		return strings.Join(arrived(b), " "), n.Counts()
	}
	first, counts := run(7)
	if again, _ := run(7); again != first {
		t.Errorf("seed 7 gave\n%s\nthen\n%s", first, again)
	}
	if other, _ := run(8); other == first {
		t.Error("seeds 7 and 8 gave the same")
	}
	if counts.Lost == 0 || counts.Duplicated == 0 || counts.Reordered == 0 {
		t.Errorf("a fault never happened: %+v", counts)
	}
	if counts.Delivered != counts.Sent-counts.Lost+counts.Duplicated {
		t.Errorf("datagrams vanished: %+v", counts)
	}
}

func TestEachFaultDoesWhatItSays(t *testing.T) {
	transfer := func(faults link.Faults) []string {
		n := link.NewNetwork(3, faults)
		a, b := join(t, n, "a"), join(t, n, "b")
		for i := range 9 {
			send(t, a, "b", fmt.Sprint(i))
		}
		n.DeliverAll()
		return arrived(b)
	}
	inOrder := strings.Fields("0 1 2 3 4 5 6 7 8")
	if got := transfer(link.Faults{}); !slices.Equal(got, inOrder) {
		t.Errorf("no faults: %v", got)
	}
	if got := transfer(link.Faults{Loss: 1}); len(got) != 0 {
		t.Errorf("all lost: %v", got)
	}
	if got := transfer(link.Faults{Duplicate: 1}); len(got) != 18 {
		t.Errorf("all twice: %v", got)
	}
	got := transfer(link.Faults{Reorder: 0.5})
	if slices.Equal(got, inOrder) {
		t.Errorf("reordered: %v", got)
	}
	slices.Sort(got)
	if !slices.Equal(got, inOrder) {
		t.Errorf("reordering lost or repeated: %v", got)
	}
}

func TestAnImmediateNetworkDeliversWithinSend(t *testing.T) {
	n := link.NewImmediateNetwork(1, link.Faults{})
	a, b := join(t, n, "a"), join(t, n, "b")
	send(t, a, "b", "now")
	d := <-b.Receive()
	if d.From != a.Local() || string(d.Payload) != "now" {
		t.Fatalf("got %+v", d)
	}
	n.SetFaults(link.Faults{Reorder: 1})
	send(t, a, "b", "late")
	if got := arrived(b); len(got) != 0 {
		t.Fatalf("held back, and there: %v", got)
	}
	n.SetFaults(link.Faults{})
	for !slices.Contains(arrived(b), "late") { // each later one lets it go with even odds
		send(t, a, "b", "later")
	}
}

func TestLinksRefuseWhatTheyCannotCarry(t *testing.T) {
	n := link.NewNetwork(1, link.Faults{})
	a, b := join(t, n, "a"), join(t, n, "b")
	if err := a.Send("b", make([]byte, link.PayloadMax)); err != nil {
		t.Errorf("largest: %v", err)
	}
	if err := a.Send("b", make([]byte, link.PayloadMax+1)); !errors.Is(err, link.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if err := a.Send("", nil); !errors.Is(err, link.ErrAddress) {
		t.Errorf("no address: %v", err)
	}
	if _, err := n.Join("a"); !errors.Is(err, link.ErrTaken) {
		t.Errorf("taken: %v", err)
	}
	if _, err := n.Join(""); !errors.Is(err, link.ErrAddress) {
		t.Errorf("joined at no address: %v", err)
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := b.Send("a", nil); !errors.Is(err, link.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	n.DeliverAll() // to a link that is gone: lost
	if _, open := <-b.Receive(); open {
		t.Error("a closed link received")
	}
	join(t, n, "b") // as a process that starts again
	if counts := n.Counts(); counts.Unreachable != 1 {
		t.Errorf("%+v, want 1 unreachable", counts)
	}
}

func TestAReceiverThatDoesNotKeepUpLosesTheNewest(t *testing.T) {
	n := link.NewImmediateNetwork(1, link.Faults{})
	a, b := join(t, n, "a"), join(t, n, "b")
	for range link.QueueMax + 3 {
		send(t, a, "b", "x")
	}
	if got, counts := len(arrived(b)), n.Counts(); got != link.QueueMax || counts.Overrun != 3 {
		t.Errorf("%d arrived, %+v", got, counts)
	}
}

func TestThePayloadBelongsToTheReceiver(t *testing.T) {
	n := link.NewImmediateNetwork(1, link.Faults{Duplicate: 1})
	a, b := join(t, n, "a"), join(t, n, "b")
	buffer := []byte("original")
	if err := a.Send("b", buffer); err != nil {
		t.Fatal(err)
	}
	copy(buffer, "reused!!")
	first := <-b.Receive()
	copy(first.Payload, "in place")
	if second := <-b.Receive(); string(second.Payload) != "original" {
		t.Errorf("the repetition is %q", second.Payload)
	}
}

func TestConcurrentUse(t *testing.T) {
	n := link.NewImmediateNetwork(1, link.Faults{Duplicate: 0.1, Reorder: 0.1})
	b := join(t, n, "b")
	var group sync.WaitGroup
	for i := range 8 {
		a := join(t, n, link.Addr(fmt.Sprint("a", i)))
		group.Go(func() {
			for range 50 {
				if err := a.Send("b", []byte("x")); err != nil {
					t.Error(err)
				}
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	received := make(chan int)
	go func() {
		count := 0
		for range b.Receive() {
			count++
		}
		received <- count
	}()
	group.Wait()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-received; got != n.Counts().Delivered {
		t.Errorf("%d received, %d delivered", got, n.Counts().Delivered)
	}
}

func ExampleNetwork() {
	network := link.NewNetwork(42, link.Faults{Loss: 0.01})
	station, _ := network.Join("station")
	vehicle, _ := network.Join("vehicle")
	_ = vehicle.Send("station", []byte("hello"))
	network.DeliverAll()
	hello := <-station.Receive()
	fmt.Printf("%s from %s\n", hello.Payload, hello.From)
	// Output: hello from vehicle
}
