//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package native

// #include "builderaikits.h"
import "C"

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// So long after the deadline of a context the core's own end of the call is waited for.
const grace = 25 * time.Millisecond

// One queue for the process, made with the first client and kept: one goroutine drains it, whatever the number of
// clients and calls.
var made struct {
	sync.Mutex
	queue atomic.Pointer[queue]
}

func process() (*queue, error) {
	if q := made.queue.Load(); q != nil {
		return q, nil
	}
	made.Lock()
	defer made.Unlock()
	if q := made.queue.Load(); q != nil {
		return q, nil
	}
	var handle C.uint64_t
	var descriptor C.int32_t
	if code := C.baik_1_queue_new(&handle, &descriptor); code != C.BAIK_1_OK {
		return nil, fmt.Errorf("no descriptor is left to wait for answers with (code %d)", int(code))
	}
	q := &queue{handle: uint64(handle)}
	for i := range q.shards {
		q.shards[i].waiters = make(map[uint64]*waiter)
	}
	if err := q.serve(int(descriptor)); err != nil {
		return nil, err
	}
	made.queue.Store(q)
	return q, nil
}

type queue struct {
	handle uint64
	// By call, so that callers on many threads seldom meet.
	shards [64]shard
}

type shard struct {
	sync.Mutex
	waiters map[uint64]*waiter
}

// A waiter is one call in flight; or its end, where that came before its call was known to wait.
type waiter struct {
	outcome Outcome
	ended   chan struct{}
}

var waiters = sync.Pool{New: func() any { return &waiter{ended: make(chan struct{}, 1)} }}

// Run makes a call and waits for its end, which it hands to use: false when ctx ended before. The error is [ErrNotBegun] or a
// defect.
func Run(ctx context.Context, client uint64, request, options []byte, use func(*Outcome)) (ended bool, err error) {
	q, err := process()
	if err != nil {
		return false, err
	}
	call, refused, err := submit(ctx, client, q.handle, request, options)
	if err != nil {
		return false, err
	}
	if refused != nil {
		use(refused)
		return true, nil
	}
	w := q.wait(call)
	if !w.endsBefore(ctx) {
		if cancel(q.handle, call) {
			q.forget(call)
			waiters.Put(w)
			return false, nil
		}
		// It has ended already, and may be paid for: it is on its way here.
		<-w.ended
	}
	use(&w.outcome)
	w.outcome = Outcome{}
	waiters.Put(w)
	return true, nil
}

// endsBefore waits for the call's end; false when ctx ended before.
func (w *waiter) endsBefore(ctx context.Context) bool {
	select {
	case <-w.ended:
		return true
	case <-ctx.Done():
	}
	if deadline, has := ctx.Deadline(); !has || time.Now().Before(deadline) {
		return false
	}
	// The core has the same deadline, and knows how far the call came.
	select {
	case <-w.ended:
		return true
	case <-time.After(grace):
		return false
	}
}

// wait is the waiter of a call that was just begun. It may have ended already.
func (q *queue) wait(call uint64) *waiter {
	s := q.shard(call)
	s.Lock()
	defer s.Unlock()
	if w, ended := s.waiters[call]; ended {
		delete(s.waiters, call)
		return w
	}
	w := waiters.Get().(*waiter)
	s.waiters[call] = w
	return w
}

func (q *queue) forget(call uint64) {
	s := q.shard(call)
	s.Lock()
	delete(s.waiters, call)
	s.Unlock()
}

// end is called by the one goroutine that drains.
func (q *queue) end(call uint64, record *C.baik_1_record) {
	s := q.shard(call)
	s.Lock()
	w, waits := s.waiters[call]
	if waits {
		delete(s.waiters, call)
	}
	s.Unlock()
	if waits {
		w.outcome.read(record)
		w.ended <- struct{}{}
		return
	}
	early := waiters.Get().(*waiter)
	early.outcome.read(record)
	s.Lock()
	w, waits = s.waiters[call]
	if waits {
		delete(s.waiters, call)
	} else {
		early.ended <- struct{}{}
		s.waiters[call] = early
	}
	s.Unlock()
	if waits {
		w.outcome, early.outcome = early.outcome, Outcome{}
		waiters.Put(early)
		w.ended <- struct{}{}
	}
}

func (q *queue) shard(call uint64) *shard { return &q.shards[call%uint64(len(q.shards))] }
