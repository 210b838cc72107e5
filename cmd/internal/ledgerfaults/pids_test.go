package ledgerfaults_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// names of all processes, brokers first.
func (w *world) names() (names []string) {
	for _, b := range w.net.Brokers {
		names = append(names, b.Name)
	}
	for _, n := range w.net.Nodes {
		names = append(names, n.Name)
	}
	return names
}

// pid gives the process that runs under a name now, or 0.
func (w *world) pid(name string) int {
	if p := w.again[name]; p != nil {
		select {
		case <-p.ended:
			return 0
		default:
			return p.command.Process.Pid
		}
	}
	raw, err := os.ReadFile(filepath.Join(w.net.Dir, "devnet.json"))
	w.must(err)
	var now devnet
	w.must(json.Unmarshal(raw, &now))
	pid := 0
	if i := slices.IndexFunc(now.Brokers, func(b broker) bool { return b.Name == name }); i >= 0 {
		pid = now.Brokers[i].PID
	} else if i := slices.IndexFunc(now.Nodes, func(n node) bool { return n.Name == name }); i >= 0 {
		pid = now.Nodes[i].PID
	}
	if !w.ours(pid, name) {
		return 0
	}
	return pid
}

// ours tells whether a process is still the one that works in the directory of that name: ids are used again.
func (w *world) ours(pid int, name string) bool {
	if pid <= 1 {
		return false
	}
	arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	return len(arguments) == 0 && ending(pid) || bytes.Contains(arguments, []byte(w.data(name)+"\x00"))
}

// ending tells whether a process without arguments still holds its files and locks: they go after its memory, with its last
// thread, and the first one may wait for the parent as a zombie while others still end.
func ending(pid int) bool {
	if threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)); err == nil && len(threads) > 1 {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	after := bytes.LastIndex(stat, []byte(") ")) + len(") ") // of its name, which may hold such a bracket
	return err == nil && after < len(stat) && !bytes.ContainsRune([]byte("ZX"), rune(stat[after]))
}

func (w *world) data(name string) string { return filepath.Join(w.net.Dir, name) }

// signal sends a signal to the process of that name, if it runs.
func (w *world) signal(name string, s syscall.Signal) bool {
	pid := w.pid(name)
	return pid != 0 && syscall.Kill(pid, s) == nil
}

// kill ends a process at once, and waits until it is gone. It fails the test when there is none.
func (w *world) kill(names ...string) {
	w.t.Helper()
	for _, name := range names {
		if !w.signal(name, syscall.SIGKILL) {
			w.t.Fatalf("%s does not run", name)
		}
	}
	w.gone(names...)
}

// interrupt asks a process to end, and waits until it is gone.
func (w *world) interrupt(name string) {
	w.t.Helper()
	if !w.signal(name, syscall.SIGINT) {
		w.t.Fatalf("%s does not run", name)
	}
	w.gone(name)
}

func (w *world) gone(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.eventually(name+" is gone", func() error {
			if w.pid(name) != 0 {
				return errors.New("it still runs")
			}
			return nil
		})
	}
}
