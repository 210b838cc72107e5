package operations_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	receipts "joulepay/settle/receipt"
)

// deviceMemoryMax is what a vehicle may take at its peak: a device beside a charging plug has some 64 MB for everything.
const deviceMemoryMax = 40_000_000

// TestAVehicleFitsIntoASmallDevice runs a whole session with real processes, a password on the vehicle's keys, and measures the
// vehicle. The figures are in docs/performance.md.
func TestAVehicleFitsIntoASmallDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	password := filepath.Join(w.dir, "password")
	if err := os.WriteFile(password, []byte("correct horse battery staple\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.fund("--password-file", password, "--device")
	broker, node := meterTo(t, w.nats()), meterTo(t, w.api())
	c := command(t, w.dir, "vehicle", "charge", "--password-file", password, "--energy", "300Wh",
		"--nats", broker.instead(w.nats()), "--ledger", node.instead(w.api()), "--json")
	peak := highWater(t, c.Start, func() int { return c.Process.Pid }, c.Wait)
	if c.ProcessState == nil || !c.ProcessState.Success() {
		t.Fatalf("the vehicle: %v", c.ProcessState)
	}
	var list struct{ Receipts []struct{ Session string } }
	w.decode(run(t, w.dir, "vehicle", "receipts", "list", "--json"), &list)
	if len(list.Receipts) != 1 {
		t.Fatalf("%d receipts", len(list.Receipts))
	}
	file := filepath.Join(w.dir, "receipt.json")
	run(t, w.dir, "vehicle", "receipts", "export", list.Receipts[0].Session, file, "--ledger", w.api())
	receipt, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := receipts.Parse(bytes.TrimSpace(receipt))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("peak memory %.1f MB; %d claims; to the broker %d bytes, from it %d; to the ledger %d, from it %d; receipt %d bytes, %d of them proofs of the ledger",
		float64(peak)/1e6, parsed.Summary.Claims, broker.sent.Load(), broker.received.Load(), node.sent.Load(), node.received.Load(),
		len(receipt), proofBytes(parsed.Evidence))
	if peak == 0 || peak > deviceMemoryMax {
		t.Errorf("the vehicle took %d bytes of memory at its peak, at most %d are promised", peak, deviceMemoryMax)
	}
	if broker.sent.Load() == 0 || node.received.Load() == 0 {
		t.Error("the vehicle went around what counts its bytes")
	}
}

// proofBytes gives the size of what proves that the ledger decided.
func proofBytes(e receipts.Evidence) int {
	size := len(e.Channel)
	for _, v := range e.Vertices {
		size += len(v.Vertex) + len(v.Proof)
	}
	return size
}

// highWater runs a process to its end and gives its peak resident memory, bytes, as the system last told of it.
func highWater(t testing.TB, start func() error, pid func() int, wait func() error) (peak int64) {
	t.Helper()
	if err := start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- wait() }()
	look := time.NewTicker(askEvery)
	defer look.Stop()
	for limit := time.After(hangTimeMax); ; {
		select {
		case err := <-over:
			if err != nil {
				t.Fatalf("the process: %v", err)
			}
			return peak
		case <-look.C:
			peak = max(peak, memoryPeak(pid()))
		case <-limit:
			t.Fatal("the process does not end")
		}
	}
}

// memoryPeak reads VmHWM of a process; 0 when it has gone. Linux only.
func memoryPeak(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// counter carries connections to a server, and counts their bytes.
type counter struct {
	address        string
	sent, received atomic.Int64
}

// meterTo stands before the server of a URL until the test ends.
func meterTo(t testing.TB, target string) *counter {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{address: listener.Addr().String()}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { c.carry(from, to.Host) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close() // a test server
		all.Wait()
	})
	return c
}

// instead gives a URL that leads through the counter.
func (c *counter) instead(target string) string {
	scheme, _, _ := strings.Cut(target, "://")
	return scheme + "://" + c.address
}

func (c *counter) carry(from net.Conn, address string) {
	to, err := net.Dial("tcp", address)
	if err != nil {
		_ = from.Close()
		return
	}
	var both sync.WaitGroup
	pass := func(into, out net.Conn, count *atomic.Int64) {
		_, err := io.Copy(counting{into, count}, out)
		_ = errors.Join(err, into.Close(), out.Close()) // one end has gone: so has the other
	}
	both.Go(func() { pass(to, from, &c.sent) })
	both.Go(func() { pass(from, to, &c.received) })
	both.Wait()
}

type counting struct {
	io.Writer
	bytes *atomic.Int64
}

func (c counting) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.bytes.Add(int64(n))
	return n, err
}
