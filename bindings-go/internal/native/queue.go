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

// How long after a context's deadline Run waits for the core to end the call.
const deadlineGrace = 25 * time.Millisecond

// The process has one queue. It is created with the first client and never freed; one goroutine drains it.
var shared struct {
	sync.Mutex
	queue atomic.Pointer[queue]
}

func sharedQueue() (*queue, error) {
	if q := shared.queue.Load(); q != nil {
		return q, nil
	}
	shared.Lock()
	defer shared.Unlock()
	if q := shared.queue.Load(); q != nil {
		return q, nil
	}
	var handle C.uint64_t
	var descriptor C.int32_t
	if code := C.baik_1_queue_new(&handle, &descriptor); code != C.BAIK_1_OK {
		return nil, fmt.Errorf("could not create the completion queue: too many open files (code %d)", int(code))
	}
	q := &queue{handle: uint64(handle)}
	for i := range q.shards {
		q.shards[i].waiters = make(map[uint64]*waiter)
	}
	if err := q.poll(int(descriptor)); err != nil {
		return nil, err
	}
	shared.queue.Store(q)
	return q, nil
}

type queue struct {
	handle uint64
	// By call, so that callers on many threads seldom contend.
	shards [64]shard
}

type shard struct {
	sync.Mutex
	waiters map[uint64]*waiter
}

// waiter is one call in flight, or its result if that came before Run registered the call.
type waiter struct {
	result    Result
	completed chan struct{}
}

var waiters = sync.Pool{New: func() any { return &waiter{completed: make(chan struct{}, 1)} }}

// Run executes a call, waits for it, and passes its result to use. It returns false if ctx ended first. The error is
// [ErrNotStarted] or a bug.
func Run(ctx context.Context, client uint64, operation string, request, options []byte, use func(*Result)) (completed bool, err error) {
	q, err := sharedQueue()
	if err != nil {
		return false, err
	}
	call, rejected, err := submit(ctx, client, q.handle, operation, request, options)
	if err != nil {
		return false, err
	}
	if rejected != nil {
		use(rejected)
		return true, nil
	}
	w := q.register(call)
	if !w.wait(ctx) {
		if cancel(q.handle, call) {
			q.unregister(call)
			waiters.Put(w)
			return false, nil
		}
		// The call has completed and may be billed. Its result is about to be delivered.
		<-w.completed
	}
	use(&w.result)
	w.result = Result{}
	waiters.Put(w)
	return true, nil
}

// wait waits for the call to complete. It returns false if ctx ended first.
func (w *waiter) wait(ctx context.Context) bool {
	select {
	case <-w.completed:
		return true
	case <-ctx.Done():
	}
	if deadline, ok := ctx.Deadline(); !ok || time.Now().Before(deadline) {
		return false
	}
	// The core has the same deadline, and its error says how far the call came.
	select {
	case <-w.completed:
		return true
	case <-time.After(deadlineGrace):
		return false
	}
}

// register returns the waiter of a call that was just submitted. The call may have completed already.
func (q *queue) register(call uint64) *waiter {
	s := q.shard(call)
	s.Lock()
	defer s.Unlock()
	if w, completed := s.waiters[call]; completed {
		delete(s.waiters, call)
		return w
	}
	w := waiters.Get().(*waiter)
	s.waiters[call] = w
	return w
}

func (q *queue) unregister(call uint64) { q.shard(call).remove(call) }

// deliver hands a result to its call. Only the goroutine that drains the queue calls it.
func (q *queue) deliver(call uint64, record *C.baik_1_record) {
	s := q.shard(call)
	if w := s.remove(call); w != nil {
		w.result.read(record)
		w.completed <- struct{}{}
		return
	}
	// Run has not registered the call yet, unless it does so while the record is read.
	early := waiters.Get().(*waiter)
	early.result.read(record)
	s.Lock()
	w := s.waiters[call]
	if w == nil {
		early.completed <- struct{}{}
		s.waiters[call] = early
		s.Unlock()
		return
	}
	delete(s.waiters, call)
	s.Unlock()
	w.result, early.result = early.result, Result{}
	waiters.Put(early)
	w.completed <- struct{}{}
}

func (q *queue) shard(call uint64) *shard { return &q.shards[call%uint64(len(q.shards))] }

func (s *shard) remove(call uint64) *waiter {
	s.Lock()
	defer s.Unlock()
	w := s.waiters[call]
	delete(s.waiters, call)
	return w
}

// pollForever drains the queue on a thread of its own.
func (q *queue) pollForever() {
	const minuteMS = 60_000
	for {
		drain(q.handle, minuteMS, q.deliver)
	}
}
