package clitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"joulepay/internal/freeport"
)

var commands = map[string]func(*testscript.TestScript, bool, []string){
	"start": start, "line": line, "interrupt": interrupt, "crash": crash, "crashpid": crashPID, "ended": ended,
	"eventually": eventually, "refused": refused, "json": jsonIs, "jsonset": jsonSet, "get": get, "listen": listen, "free": free, "mode": mode, "absent": absent,
	"smalldisk": smallDisk,
}

// refused checks the two lines of an error. Notes and logs may stand before them.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: refused REGEXP REGEXP")
	}
	text := ts.ReadFile("stderr")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if strings.Count("\n"+text, "\nerror: ") != 1 || strings.Count("\n"+text, "\nhint: ") != 1 || len(lines) < 2 {
		ts.Fatalf("want one error: and one hint: line on stderr, got\n%s", text)
	}
	for i, prefix := range []string{"error: ", "hint: "} {
		line := lines[len(lines)-2+i]
		if !strings.HasPrefix(line, prefix) || !regexp.MustCompile(args[i]).MatchString(line) {
			ts.Fatalf("want a line %s%s, got %s", prefix, args[i], line)
		}
	}
}

func jsonIs(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	got, err := lookUp(ts.ReadFile(args[0]), args[1])
	ts.Check(err)
	if (got == args[2]) == neg {
		ts.Fatalf("%s is %q", args[1], got)
	}
}

func jsonSet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: jsonset VAR FILE PATH")
	}
	got, err := lookUp(ts.ReadFile(args[1]), args[2])
	ts.Check(err)
	ts.Setenv(args[0], got)
}

// lookUp finds a value in a text that must be exactly one JSON object: a text as it is, all else as JSON.
func lookUp(text, path string) (string, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return "", fmt.Errorf("not one JSON object: %w in %q", err, text)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return "", fmt.Errorf("more than one JSON object in %q", text)
	}
	value := any(object)
	for key := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			found, ok := v[key]
			if !ok {
				return "", fmt.Errorf("no %q of %s in %s", key, path, text)
			}
			value = found
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v) {
				return "", fmt.Errorf("no element %q of %s in %s", key, path, text)
			}
			value = v[i]
		default:
			return "", fmt.Errorf("%q of %s is in a plain value in %s", key, path, text)
		}
	}
	if plain, ok := value.(string); ok {
		return plain, nil
	}
	raw, err := json.Marshal(value)
	return string(raw), err
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] get URL")
	}
	client := http.Client{Timeout: hangTimeMax}
	answer, err := client.Get(args[0])
	ts.Check(err)
	defer func() { _ = answer.Body.Close() }() // read only: nothing to lose
	_, err = io.Copy(ts.Stdout(), answer.Body)
	ts.Check(err)
	_, err = fmt.Fprintln(ts.Stderr(), answer.Status)
	ts.Check(err)
	if ok := answer.StatusCode < http.StatusBadRequest; ok == neg {
		ts.Fatalf("%s: %s", args[0], answer.Status)
	}
}

// askAgainEvery is how often eventually asks; no test depends on it.
const askAgainEvery = 100 * time.Millisecond

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: eventually URL PATH VALUE")
	}
	client, last := http.Client{Timeout: hangTimeMax}, error(nil)
	again := time.NewTicker(askAgainEvery)
	defer again.Stop()
	for limit := time.After(hangTimeMax); ; {
		var got string
		if got, last = fetchValue(&client, args[0], args[1]); last == nil && got == args[2] {
			return
		}
		select {
		case <-again.C:
		case <-limit:
			ts.Fatalf("%s: %s is %q, %v", args[0], args[1], got, last)
		}
	}
}

func fetchValue(client *http.Client, url, path string) (string, error) {
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }() // read only: nothing to lose
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	return lookUp(string(body), path)
}

func listen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: listen VAR")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	ts.Setenv(args[0], listener.Addr().String())
}

func free(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: free VAR")
	}
	address, err := freeport.Next()
	ts.Check(err)
	ts.Setenv(args[0], address)
}

func mode(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: mode FILE 0600")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); (got == args[1]) == neg {
		ts.Fatalf("%s has mode %s", args[0], got)
	}
}

func absent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: absent FILE DIR")
	}
	secret := []byte(strings.TrimSpace(ts.ReadFile(args[0])))
	if len(secret) == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
	for _, stream := range []string{"stdout", "stderr"} {
		if strings.Contains(ts.ReadFile(stream), string(secret)) {
			ts.Fatalf("%s shows what %s holds", stream, args[0])
		}
	}
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || path == ts.MkAbs(args[0]) {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && bytes.Contains(data, secret) {
			err = fmt.Errorf("%s shows what %s holds", path, args[0])
		}
		return err
	}))
}
