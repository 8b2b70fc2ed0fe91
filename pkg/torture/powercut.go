package torture

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rollcall/pkg/peer"
)

// A Trace is what a program did to the files of a folder, and what it said, as
// strace saw it. A kill leaves the page cache as it is; only a record of what
// was written and what was synced tells what a power cut leaves.
type Trace struct {
	dir   string
	begin map[string][]byte
	steps []step
}

// A step is one call that has returned.
type step struct {
	call string // write, sync, truncate, create, unlink, rename or said
	file string // within the folder
	at   int64  // offset of a write, size of a truncation
	data []byte // of a write; new name of a rename; what was said
}

// Record runs the program, which ends by itself, and records what it does in
// dir and says on standard output.
func Record(t testing.TB, dir string, env []string, name string, args ...string) *Trace {
	t.Helper()
	strace := peer.Need(t, "strace", "strace")
	out := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, append([]string{
		"-f", "-qq", "-xx", "-s", "16777216", "-e", "signal=none", "-o", out,
		"-e", "trace=open,openat,creat,pwrite64,write,fdatasync,fsync,ftruncate,unlink,unlinkat,rename,renameat,renameat2,close", name,
	}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		if strings.Contains(said.String(), "PTRACE") || strings.Contains(said.String(), "ptrace") {
			peer.Skip(t, "needs the right to trace a process: "+said.String())
		}
		t.Fatalf("cannot record %s: %v\n%s", name, err, said.String())
	}
	tr := &Trace{dir: dir, begin: map[string][]byte{}}
	if err := tr.read(out); err != nil {
		t.Fatalf("cannot read the record of %s: %v", name, err)
	}
	return tr
}

// Begin says what a file had before the program began.
func (tr *Trace) Begin(file string, content []byte) { tr.begin[file] = content }

// Steps is the number of moments at which the power can fail.
func (tr *Trace) Steps() int { return len(tr.steps) }

var (
	lineForm = regexp.MustCompile(`^(\d+) +(.*)$`)
	resumed  = regexp.MustCompile(`^<\.\.\. \w+ resumed>(.*)$`)
	callForm = regexp.MustCompile(`^(\w+)\((.*)\) += (-?\d+)`)
	quoted   = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"`)
)

// read makes steps of the lines of strace. A call that another thread
// interrupts comes in two parts.
func (tr *Trace) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	begun, files := map[string]string{}, map[int]string{}
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil //nolint:nilerr // the end
		}
		m := lineForm.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		pid, text := m[1], m[2]
		if part, found := strings.CutSuffix(text, " <unfinished ...>"); found {
			begun[pid] = part
			continue
		}
		if rest := resumed.FindStringSubmatch(text); rest != nil {
			text = begun[pid] + rest[1]
		}
		call := callForm.FindStringSubmatch(text)
		if call == nil {
			continue
		}
		result, err := strconv.ParseInt(call[3], 10, 64)
		if err != nil || result < 0 {
			continue
		}
		if err := tr.add(files, call[1], call[2], result); err != nil {
			return fmt.Errorf("%.200s: %w", text, err)
		}
	}
}

func (tr *Trace) add(files map[int]string, call, args string, result int64) error {
	var texts [][]byte
	for _, q := range quoted.FindAllStringSubmatch(args, -1) {
		raw, err := unhex(q[1])
		if err != nil {
			return err
		}
		texts = append(texts, raw)
	}
	// What is left of the arguments are numbers and flags.
	plain := strings.Split(quoted.ReplaceAllString(args, ""), ", ")
	fd, _ := strconv.Atoi(plain[0])
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(strings.TrimSpace(plain[i]), 10, 64)
		return n
	}
	switch call {
	case "open", "openat", "creat":
		name, within := tr.within(string(texts[0]))
		delete(files, int(result))
		if !within {
			return nil
		}
		files[int(result)] = name
		if strings.Contains(args, "O_CREAT") || call == "creat" {
			tr.steps = append(tr.steps, step{call: "create", file: name})
		}
		if strings.Contains(args, "O_TRUNC") {
			tr.steps = append(tr.steps, step{call: "truncate", file: name})
		}
	case "close":
		delete(files, fd)
	case "unlink", "unlinkat":
		if name, within := tr.within(string(texts[0])); within {
			tr.steps = append(tr.steps, step{call: "unlink", file: name})
		}
	case "rename", "renameat", "renameat2":
		from, within := tr.within(string(texts[0]))
		if to, also := tr.within(string(texts[1])); within && also {
			tr.steps = append(tr.steps, step{call: "rename", file: from, data: []byte(to)})
		}
	case "write":
		if fd == 1 && files[fd] == "" {
			tr.steps = append(tr.steps, step{call: "said", data: texts[0][:result]})
		} else if files[fd] != "" {
			return fmt.Errorf("a write to %s without an offset is not understood", files[fd])
		}
	case "pwrite64":
		if name := files[fd]; name != "" {
			tr.steps = append(tr.steps, step{call: "write", file: name, at: number(len(plain) - 1), data: texts[0][:result]})
		}
	case "ftruncate":
		if name := files[fd]; name != "" {
			tr.steps = append(tr.steps, step{call: "truncate", file: name, at: number(1)})
		}
	case "fdatasync", "fsync":
		if name := files[fd]; name != "" {
			tr.steps = append(tr.steps, step{call: "sync", file: name})
		}
	}
	return nil
}

func (tr *Trace) within(path string) (string, bool) {
	name, err := filepath.Rel(tr.dir, path)
	return name, err == nil && name != "." && !strings.HasPrefix(name, "..")
}

func unhex(s string) ([]byte, error) {
	raw := make([]byte, 0, len(s)/4)
	for i := 0; i+4 <= len(s); i += 4 {
		b, err := strconv.ParseUint(s[i+2:i+4], 16, 8)
		if err != nil {
			return nil, err
		}
		raw = append(raw, byte(b))
	}
	return raw, nil
}

// Said is what the program had said on standard output before the step, line by
// line; a last line without its end was not said.
func (tr *Trace) Said(before int) []string {
	var all strings.Builder
	for _, s := range tr.steps[:before] {
		if s.call == "said" {
			all.Write(s.data)
		}
	}
	lines := strings.SplitAfter(all.String(), "\n")
	var whole []string
	for _, l := range lines {
		if text, found := strings.CutSuffix(l, "\n"); found {
			whole = append(whole, text)
		}
	}
	return whole
}

// disk is a file as the disk has it, and what waits in the page cache.
type disk struct {
	content []byte
	pending []step
}

// Cut writes to dir what is on the disk when the power fails before the step:
// all that was synced, and of what was not as much as chance has it, in part
// torn within a page. Names of files are taken to be durable at once.
func (tr *Trace) Cut(t testing.TB, before int, r *rand.Rand, dir string) {
	t.Helper()
	files := map[string]*disk{}
	at := func(name string) *disk {
		if files[name] == nil {
			files[name] = &disk{}
		}
		return files[name]
	}
	for name, content := range tr.begin {
		at(name).content = append([]byte(nil), content...)
	}
	for _, s := range tr.steps[:before] {
		switch s.call {
		case "create":
			at(s.file)
		case "write", "truncate":
			d := at(s.file)
			d.pending = append(d.pending, s)
		case "sync":
			d := at(s.file)
			for _, p := range d.pending {
				d.content = p.apply(d.content, len(p.data))
			}
			d.pending = nil
		case "unlink":
			delete(files, s.file)
		case "rename":
			files[string(s.data)] = at(s.file)
			delete(files, s.file)
		}
	}
	for name, d := range files {
		for _, p := range d.lucky(r) {
			n := len(p.data)
			if n > 0 && r.IntN(8) == 0 {
				n = r.IntN(n) &^ 511 // torn between two sectors
			}
			d.content = p.apply(d.content, n)
		}
		if strings.HasSuffix(name, "-shm") {
			continue // shared memory, which SQLite makes anew
		}
		if err := os.WriteFile(filepath.Join(dir, name), d.content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// lucky are those of the pending steps that reached the disk: none, all up to
// one, or any.
func (d *disk) lucky(r *rand.Rand) []step {
	switch n := len(d.pending); {
	case n == 0 || r.IntN(3) == 0:
		return nil
	case r.IntN(2) == 0:
		return d.pending[:r.IntN(n+1)]
	default:
		var some []step
		for _, p := range d.pending {
			if r.IntN(2) == 0 {
				some = append(some, p)
			}
		}
		return some
	}
}

// apply does the step to the content, of a write only the first n bytes.
func (s step) apply(content []byte, n int) []byte {
	size := s.at
	if s.call == "write" {
		size = max(int64(len(content)), s.at+int64(n))
	}
	if grow := size - int64(len(content)); grow > 0 {
		content = append(content, make([]byte, grow)...)
	}
	content = content[:size]
	if s.call == "write" {
		copy(content[s.at:], s.data[:n])
	}
	return content
}
