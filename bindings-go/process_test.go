//go:build cgo && linux

package builderaikits_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sdk "builderaikits.com/sdk"
)

// What this program does as a process of its own.
var roles = map[string]func(){"exit": exitWithCallsInFlight, "many": manyCallsInFlight}

func TestExitWithCallsInFlight(t *testing.T) {
	s := silent(t)
	command := self(t, "exit", "BUILDERAIKITS_BASE_URL="+s.URL())
	leave, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	command.Stdout, command.Stderr = &out, &out
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, s.received, inFlight)
	leave.Close()
	if err := command.Wait(); err != nil || out.String() != "leaving\n" {
		t.Fatalf("%v: %s", err, out.String())
	}
	await(t, s.closed, inFlight)
}

const inFlight = 50

func exitWithCallsInFlight() {
	c, err := sdk.NewClient()
	if err != nil {
		panic(err)
	}
	for range inFlight {
		go func() { _, _ = c.Kits.Run(context.Background(), hello) }()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Println("leaving")
}

func TestChildrenInheritNothing(t *testing.T) {
	s := serve(t, respond(200, runJSON))
	c := client(t, sdk.WithBaseURL(s.URL()))
	run(t, c, hello)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, entry := range entries {
		link, _ := os.Readlink("/proc/self/fd/" + entry.Name())
		if !strings.HasPrefix(link, "socket:") && !strings.HasPrefix(link, "anon_inode:") {
			continue
		}
		seen++
		info, _ := os.ReadFile("/proc/self/fdinfo/" + entry.Name())
		var position, flags int64
		if _, err := fmt.Sscanf(string(info), "pos:%d\nflags:%o", &position, &flags); err != nil || flags&syscall.O_CLOEXEC == 0 {
			t.Errorf("%s stays open in children: %s, %v", link, info, err)
		}
	}
	if seen < 3 {
		t.Errorf("only %d descriptors", seen)
	}
	if out, err := exec.Command("true").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	run(t, c, hello)
}

// self is this program in a role. It is killed with the test's end, and where it takes over a minute.
func self(t *testing.T, role string, env ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, "/proc/self/exe")
	command.Env = append(os.Environ(), append(env, "TEST_ROLE="+role)...)
	return command
}

func await(t *testing.T, told <-chan struct{}, times int) {
	t.Helper()
	for n := range times {
		select {
		case <-told:
		case <-time.After(time.Minute):
			t.Fatalf("%d of %d", n, times)
		}
	}
}

// Calls beyond those on the wire queue; none of them has a thread. In a process of its own: Go keeps the threads that
// other tests and the server once had.
func TestManyCallsHoldNoThreads(t *testing.T) {
	answered := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-answered
		respond(200, runJSON)(w, r)
	})
	free := sync.OnceFunc(func() { close(answered) })
	t.Cleanup(free)
	command := self(t, "many", "BUILDERAIKITS_BASE_URL="+s.URL())
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "begun\n" {
		t.Fatal(line, err)
	}
	await(t, s.received, onTheWire)
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", command.Process.Pid))
	if err != nil || len(threads) >= 30 {
		t.Errorf("%d threads with %d calls in flight, %v", len(threads), atOnce, err)
	}
	t.Logf("%d threads with %d calls in flight", len(threads), atOnce)
	free()
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
}

func manyCallsInFlight() {
	c, err := sdk.NewClient(sdk.WithMaxConcurrency(onTheWire), sdk.WithTimeout(sdk.NoTimeout))
	if err != nil {
		panic(err)
	}
	ended := make(chan error, atOnce)
	var begun sync.WaitGroup
	for range atOnce {
		begun.Add(1)
		ctx := first{context.Background(), sync.OnceFunc(begun.Done)}
		go func() {
			_, err := c.Kits.Run(ctx, hello)
			ended <- err
		}()
	}
	begun.Wait()
	// First come, first served: those that waited for a place to begin have begun when this one, which is refused, has.
	if _, err := c.Kits.Run(context.Background(), sdk.RunParams{}); !errors.Is(err, sdk.ErrInvalidRequest) {
		panic(err)
	}
	fmt.Println("begun")
	for range atOnce {
		if err := <-ended; err != nil {
			panic(err)
		}
	}
}

// A first context tells once that somebody waits for its end: Run does where it waits for its place to begin, or has begun.
type first struct {
	context.Context
	waits func()
}

func (f first) Done() <-chan struct{} {
	f.waits()
	return f.Context.Done()
}

// Begun, ended and given up by many goroutines at once, on clients that come and go.
func TestManyGoroutines(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		prompt := strings.Split(strings.Split(string(body), `"prompt":"`)[1], `"`)[0]
		respond(200, `{"output":{"text":"`+prompt+`"}}`)(w, r)
	})
	c := client(t, sdk.WithBaseURL(s.URL()))
	var calls sync.WaitGroup
	for n := range 64 {
		calls.Add(1)
		go func() {
			defer calls.Done()
			own, err := c.WithOptions(sdk.WithMaxRetries(n % 3))
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 40 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%4 == 3 {
					time.AfterFunc(time.Duration(i)*20*time.Microsecond, cancel)
				}
				prompt := fmt.Sprintf("%d of %d", i, n)
				made, err := own.Kits.Run(ctx, sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: prompt}})
				switch {
				case err != nil && !errors.Is(err, context.Canceled):
					t.Error(err)
				case err == nil && made.Output.Text != prompt:
					t.Errorf("%q, not %q", made.Output.Text, prompt)
				}
				cancel()
			}
		}()
	}
	calls.Wait()
}
