//go:build cgo && linux

package builderaikits_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "builderaikits.com/sdk"
)

// TestSoak compares memory, goroutines and threads after all calls with those after a fifth of them. `make go-soak` runs it.
func TestSoak(t *testing.T) {
	calls, _ := strconv.ParseInt(os.Getenv("SOAK_CALLS"), 10, 64)
	if calls == 0 {
		t.Skip("make go-soak runs it")
	}
	url, stop, err := sandbox(os.Getenv("SOAK_SANDBOX"))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	c := client(t, sdk.WithBaseURL(url))
	createThreads(2 * soakGoroutines)
	started, number, part := time.Now(), atomic.Int64{}, calls/5
	var first, last usage
	// No call is in flight when memory is measured.
	for fifth := range 5 {
		var all sync.WaitGroup
		for range soakGoroutines {
			all.Add(1)
			go func() {
				defer all.Done()
				for {
					n := number.Add(1)
					if n > part*int64(fifth+1) {
						number.Add(-1)
						return
					}
					soak(t, c, n)
				}
			}()
		}
		all.Wait()
		last = measure()
		if fifth == 0 {
			first = last
		}
		fmt.Printf("%3d %%  %d calls  %+v  %.0f calls/s\n", (fifth+1)*20, part*int64(fifth+1), last, float64(part*int64(fifth+1))/time.Since(started).Seconds())
	}
	if grown := last.rssKiB - first.rssKiB; grown > 8<<10 || last.goroutines != first.goroutines || last.threads != first.threads {
		t.Errorf("%d KiB more: %+v, before %+v", grown, last, first)
	}
}

const soakGoroutines = 64

// createThreads makes the Go runtime create n threads, which it keeps. Otherwise it creates one whenever more goroutines than
// before are in cgo or in a system call at once. After this, a further thread is a leak.
func createThreads(n int) {
	var all, running sync.WaitGroup
	running.Add(n)
	for range n {
		all.Add(1)
		go func() {
			defer all.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			running.Done()
			running.Wait()
		}()
	}
	all.Wait()
}

func soak(t *testing.T, c *sdk.Client, n int64) {
	if n%1000 == 0 {
		// Some calls fail, some are canceled, and clients are created and collected.
		if _, err := c.Kits.Run(context.Background(), sdk.RunParams{Kit: "no-such-kit"}); !errors.Is(err, sdk.ErrBadRequest) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Duration(n/1000)*time.Microsecond, cancel)
		if _, err := c.Kits.Run(ctx, hello); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if _, err := c.WithOptions(sdk.WithMaxRetries(1)); err != nil {
			t.Error(err)
		}
	}
	if run, err := c.Kits.Run(context.Background(), hello); err != nil || run.Output.Text == "" {
		t.Error(err)
	}
}

type usage struct {
	rssKiB, threads int
	goroutines      int
}

// measure measures after a pause in which finalizers run and connections close.
func measure() (now usage) {
	runtime.GC()
	time.Sleep(time.Second)
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		_, _ = fmt.Sscanf(line, "VmRSS: %d", &now.rssKiB)
		_, _ = fmt.Sscanf(line, "Threads: %d", &now.threads)
	}
	now.goroutines = runtime.NumGoroutine()
	return now
}
