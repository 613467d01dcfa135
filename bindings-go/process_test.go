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

// roles are the functions of TEST_ROLE; see TestMain.
var roles = map[string]func(){"exit": exitWithCallsInFlight, "many": manyCallsInFlight}

func TestExitWithCallsInFlight(t *testing.T) {
	s := silent(t)
	command := self(t, "exit", "BUILDERAIKITS_BASE_URL="+s.URL())
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	command.Stdout, command.Stderr = &out, &out
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, s.received, inFlight)
	stdin.Close()
	if err := command.Wait(); err != nil || out.String() != "exiting\n" {
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
	fmt.Println("exiting")
}

func TestChildrenInheritNoDescriptors(t *testing.T) {
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
			t.Errorf("children inherit %s: %s, %v", link, info, err)
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

// self returns a command that runs this program in a role. It is killed when the test ends, or after a minute.
func self(t *testing.T, role string, env ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, "/proc/self/exe")
	command.Env = append(os.Environ(), append(env, "TEST_ROLE="+role)...)
	return command
}

func await(t *testing.T, events <-chan struct{}, n int) {
	t.Helper()
	for i := range n {
		select {
		case <-events:
		case <-time.After(time.Minute):
			t.Fatalf("only %d of %d", i, n)
		}
	}
}

// Neither calls in flight nor queued calls hold a thread. The calls run in a separate process, because Go keeps the threads
// that other tests and the server used.
func TestManyCallsHoldNoThreads(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		respond(200, runJSON)(w, r)
	})
	respondToAll := sync.OnceFunc(func() { close(release) })
	t.Cleanup(respondToAll)
	command := self(t, "many", "BUILDERAIKITS_BASE_URL="+s.URL())
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "started\n" {
		t.Fatal(line, err)
	}
	await(t, s.received, concurrentAttempts)
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", command.Process.Pid))
	if err != nil || len(threads) >= 30 {
		t.Errorf("%d threads with %d calls in flight, %v", len(threads), concurrentCalls, err)
	}
	t.Logf("%d threads with %d calls in flight", len(threads), concurrentCalls)
	respondToAll()
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
}

func manyCallsInFlight() {
	c, err := sdk.NewClient(sdk.WithMaxConcurrency(concurrentAttempts), sdk.WithTimeout(sdk.NoTimeout))
	if err != nil {
		panic(err)
	}
	ended := make(chan error, concurrentCalls)
	var started sync.WaitGroup
	for range concurrentCalls {
		started.Add(1)
		ctx := observedOnce{context.Background(), sync.OnceFunc(started.Done)}
		go func() {
			_, err := c.Kits.Run(ctx, hello)
			ended <- err
		}()
	}
	started.Wait()
	// Calls start in order. When this rejected call returns, all calls before it have started.
	if _, err := c.Kits.Run(context.Background(), sdk.RunParams{}); !errors.Is(err, sdk.ErrInvalidRequest) {
		panic(err)
	}
	fmt.Println("started")
	for range concurrentCalls {
		if err := <-ended; err != nil {
			panic(err)
		}
	}
}

// observedOnce reports the first use of Done. Run uses it when the call was started, or waits for a slot to start in.
type observedOnce struct {
	context.Context
	used func()
}

func (c observedOnce) Done() <-chan struct{} {
	c.used()
	return c.Context.Done()
}

// Many goroutines start, finish and cancel calls, on clients that are created and collected meanwhile.
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
			copied, err := c.WithOptions(sdk.WithMaxRetries(n % 3))
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
				run, err := copied.Kits.Run(ctx, sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: prompt}})
				switch {
				case err != nil && !errors.Is(err, context.Canceled):
					t.Error(err)
				case err == nil && run.Output.Text != prompt:
					t.Errorf("got %q, want %q", run.Output.Text, prompt)
				}
				cancel()
			}
		}()
	}
	calls.Wait()
}
