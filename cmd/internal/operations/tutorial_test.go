package operations_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")
	fileBlock    = regexp.MustCompile("(?s)<!-- file: ([a-z.]+) -->\n```[a-z]+\n(.*?)```")
	didText      = regexp.MustCompile(`did:joule:\w+`)
	sessionText  = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
)

// reader types what a page says, as its reader would; only ports are others.
type reader struct {
	t       *testing.T
	dir     string
	environ []string
	last    string // what the last command wrote
	did, id string // that the page calls DID and ID
	ran     int
}

// TestTheTutorialDoesWhatItSays runs every command of docs/tutorial.md, in its order.
func TestTheTutorialDoesWhatItSays(t *testing.T) {
	t.Parallel()
	r := &reader{t: t, dir: t.TempDir()}
	page := docs(t, "tutorial.md")
	for _, file := range fileBlock.FindAllStringSubmatch(page, -1) {
		if err := os.WriteFile(filepath.Join(r.dir, file[1]), []byte(file[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, block := range consoleBlock.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			if typed, isCommand := strings.CutPrefix(strings.TrimSpace(line), "$ "); isCommand {
				r.does(typed)
			}
		}
	}
	if r.ran < 15 {
		t.Errorf("the page shows %d commands", r.ran)
	}
}

func (r *reader) does(typed string) {
	r.t.Helper()
	r.ran++
	typed, remark, _ := strings.Cut(typed, "#")
	args := strings.Fields(typed)
	for i, word := range args {
		args[i] = map[string]string{"DID": r.did, "ID": r.id}[word]
		if args[i] == "" {
			args[i] = word
		}
	}
	switch remark = strings.TrimSpace(remark); {
	case args[0] == "export": // what the network said when it was ready
	case strings.HasPrefix(remark, "in a terminal"):
		r.goesOn(args)
	default:
		r.ends(args, strings.HasPrefix(remark, "fails"))
	}
}

// goesOn starts what has a terminal of its own.
func (r *reader) goesOn(args []string) {
	r.t.Helper()
	ports := map[string][]string{
		"ledger run": {"--http", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0"}, "chargepoint run": {"--http", "127.0.0.1:0"}, "ledger devnet": nil,
	}
	c := command(r.t, r.dir, slices.Concat(args, ports[strings.Join(args[:2], " ")], []string{"--json"})...)
	c.Env = append(c.Env, r.environ...)
	p := begin(r.t, c)
	switch strings.Join(args[:2], " ") {
	case "ledger run":
		r.environ = []string{"JOULEPAY_NATS=" + p.says("nats"), "JOULEPAY_LEDGER=" + p.says("api")}
	case "ledger devnet":
		nodes, _ := p.ready["nodes"].([]any)
		first, _ := nodes[0].(map[string]any)
		api, _ := first["api"].(string)
		r.environ = []string{"JOULEPAY_NATS=" + p.says("nats"), "JOULEPAY_LEDGER=" + api}
		// Its children outlive a kill for a moment; a polite end waits for them.
		r.t.Cleanup(func() {
			_ = p.command.Process.Signal(os.Interrupt) // it may have ended
			<-p.ended
		})
	}
}

// ends runs a command to its end, which the page says.
func (r *reader) ends(args []string, badly bool) {
	r.t.Helper()
	if slices.Contains(args, "demo") {
		args = append(args, "--http", "127.0.0.1:0")
	}
	c := command(r.t, r.dir, args...)
	c.Env = append(c.Env, r.environ...)
	out, err := c.CombinedOutput()
	if (err != nil) != badly {
		r.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	r.last = string(out)
	if badly || slices.Contains(args, "create") {
		r.did = didText.FindString(r.last[max(0, strings.LastIndex(r.last, "hint:")):])
	}
	if args[0] == "vehicle" && args[len(args)-1] == "receipts" {
		r.id = sessionText.FindString(r.last)
	}
}
