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

// roles are the programs of tests that need a process of their own.
var roles = map[string]func(){"exit": exitWithCallsInFlight, "many": manyCalls}

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
	await(t, s.requested, inFlight)
	stdin.Close()
	if err := command.Wait(); err != nil || out.String() != "exiting\n" {
		t.Fatalf("%v: %s", err, out.String())
	}
	await(t, s.disconnected, inFlight)
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
	found := 0
	for _, entry := range entries {
		link, _ := os.Readlink("/proc/self/fd/" + entry.Name())
		if !strings.HasPrefix(link, "socket:") && !strings.HasPrefix(link, "anon_inode:") {
			continue
		}
		found++
		info, _ := os.ReadFile("/proc/self/fdinfo/" + entry.Name())
		var position, flags int64
		if _, err := fmt.Sscanf(string(info), "pos:%d\nflags:%o", &position, &flags); err != nil || flags&syscall.O_CLOEXEC == 0 {
			t.Errorf("%s stays open in children: %s, %v", link, info, err)
		}
	}
	if found < 3 {
		t.Errorf("only %d descriptors", found)
	}
	if out, err := exec.Command("true").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	run(t, c, hello)
}

// self returns a command that runs this program in a role. It is killed after a minute, or when the test ends.
func self(t *testing.T, role string, env ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, "/proc/self/exe")
	command.Env = append(os.Environ(), append(env, "TEST_ROLE="+role)...)
	return command
}

func await(t *testing.T, events <-chan struct{}, times int) {
	t.Helper()
	for n := range times {
		select {
		case <-events:
		case <-time.After(time.Minute):
			t.Fatalf("%d of %d", n, times)
		}
	}
}

// Neither queued calls nor calls in flight hold a thread. It is a process of its own, because Go keeps the threads of other
// tests and of the server.
func TestManyCallsHoldNoThreads(t *testing.T) {
	released := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-released
		respond(200, runJSON)(w, r)
	})
	release := sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
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
	await(t, s.requested, maxInFlight)
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", command.Process.Pid))
	if err != nil || len(threads) >= 30 {
		t.Errorf("%d threads with %d calls in flight, %v", len(threads), totalCalls, err)
	}
	t.Logf("%d threads with %d calls in flight", len(threads), totalCalls)
	release()
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
}

func manyCalls() {
	c, err := sdk.NewClient(sdk.WithMaxConcurrency(maxInFlight), sdk.WithTimeout(sdk.NoTimeout))
	if err != nil {
		panic(err)
	}
	ended := make(chan error, totalCalls)
	var started sync.WaitGroup
	for range totalCalls {
		started.Add(1)
		ctx := onceContext{context.Background(), sync.OnceFunc(started.Done)}
		go func() {
			_, err := c.Kits.Run(ctx, hello)
			ended <- err
		}()
	}
	started.Wait()
	// Slots are first in, first out: when this call, which is rejected, had its slot, all others had theirs.
	if _, err := c.Kits.Run(context.Background(), sdk.RunParams{}); !errors.Is(err, sdk.ErrInvalidRequest) {
		panic(err)
	}
	fmt.Println("started")
	for range totalCalls {
		if err := <-ended; err != nil {
			panic(err)
		}
	}
}

// onceContext reports the first call of Done, which Run makes when it waits for a slot, or has started its call.
type onceContext struct {
	context.Context
	doneCalled func()
}

func (c onceContext) Done() <-chan struct{} {
	c.doneCalled()
	return c.Context.Done()
}

// Many goroutines start and cancel calls concurrently, on clients that are created and dropped.
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
				got, err := own.Kits.Run(ctx, sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: prompt}})
				switch {
				case err != nil && !errors.Is(err, context.Canceled):
					t.Error(err)
				case err == nil && got.Output.Text != prompt:
					t.Errorf("%q, not %q", got.Output.Text, prompt)
				}
				cancel()
			}
		}()
	}
	calls.Wait()
}
