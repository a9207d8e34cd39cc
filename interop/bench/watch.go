package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

// A spectator counts the events of one watch, and how long each took from when the
// write was sent.
type spectator struct {
	opened    chan<- struct{} // gets one value when the watch is on
	seen      atomic.Int64
	latencies []time.Duration
}

// fanOut has spectators of all pods while the clients patch them. What counts is
// the events that they got, of all writes.
func fanOut(ctx context.Context, s *side) (int64, []time.Duration, time.Duration, error) {
	now, err := s.clients[0].CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return 0, nil, 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	spectators := make([]*spectator, s.watchers)
	opened := make(chan struct{}, s.watchers)
	var watching errgroup.Group
	for i := range spectators {
		spectators[i] = &spectator{opened: opened}
		watching.Go(func() error { return spectators[i].watch(ctx, s, i%len(s.clients), now.ResourceVersion) })
	}
	for range spectators {
		select {
		case <-opened:
		case <-time.After(maxRound):
			cancel()
			return 0, nil, 0, fmt.Errorf("not all watches begin: %w", watching.Wait())
		}
	}
	begin := time.Now()
	var sent atomic.Int64
	written, _, err := s.loop(ctx, 0, 1<<62, func(ctx context.Context, s *side, client int, i int64) error {
		if err := awaitAll(ctx, spectators, sent.Add(1)-maxBehind); err != nil {
			return err
		}
		return patchStatus(ctx, s, client, i)
	})
	if err == nil {
		err = awaitAll(ctx, spectators, written)
	}
	took := time.Since(begin)
	cancel()
	watched := watching.Wait()
	var latencies []time.Duration
	for _, each := range spectators {
		latencies = append(latencies, each.latencies...)
	}
	return written * int64(len(spectators)), latencies, took, errors.Join(err, watched)
}

// maxBehind is how many events a watcher may be behind until writers wait for it,
// so that neither server has to end a watcher that is too slow.
const maxBehind = 100

// awaitAll waits until everybody has seen as many events.
func awaitAll(ctx context.Context, spectators []*spectator, events int64) error {
	until := time.Now().Add(maxRound)
	for _, each := range spectators {
		for each.seen.Load() < events {
			if time.Now().After(until) {
				return fmt.Errorf("a watcher has seen %d of %d events", each.seen.Load(), events)
			}
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// watch reads events until ctx ends.
func (p *spectator) watch(ctx context.Context, s *side, client int, from string) error {
	opts := metav1.ListOptions{Watch: true, ResourceVersion: from}
	var err error
	if s.decode {
		err = p.decoded(ctx, s, client, opts)
	} else {
		err = p.frames(ctx, s, client, opts)
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("a watch ended: %w", err)
}

func (p *spectator) decoded(ctx context.Context, s *side, client int, opts metav1.ListOptions) error {
	w, err := s.clients[client].CoreV1().Pods(namespace).Watch(ctx, opts)
	if err != nil {
		return err
	}
	defer w.Stop()
	p.opened <- struct{}{}
	for e := range w.ResultChan() {
		pod, ok := e.Object.(*corev1.Pod)
		if !ok {
			return fmt.Errorf("an event %s of a %T", e.Type, e.Object)
		}
		p.saw([]byte(pod.Status.Message))
	}
	return io.ErrUnexpectedEOF
}

// frames reads a watch's messages, each behind its length in four bytes.
func (p *spectator) frames(ctx context.Context, s *side, client int, opts metav1.ListOptions) error {
	body, err := s.rest(client).Get().Namespace(namespace).Resource("pods").
		VersionedParams(&opts, scheme.ParameterCodec).Stream(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	p.opened <- struct{}{}
	in := bufio.NewReaderSize(body, 64<<10)
	var message []byte
	for {
		var length [4]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return err
		}
		size := int(binary.BigEndian.Uint32(length[:]))
		if cap(message) < size {
			message = make([]byte, size)
		}
		if _, err := io.ReadFull(in, message[:size]); err != nil {
			return err
		}
		p.saw(message[:size])
	}
}

// saw counts an event, which says when it was sent.
func (p *spectator) saw(message []byte) {
	arrived := time.Now()
	if at := bytes.LastIndex(message, []byte(sentAt)); at >= 0 && len(message) >= at+len(sentAt)+19 {
		sent, err := strconv.ParseInt(string(message[at+len(sentAt):at+len(sentAt)+19]), 10, 64)
		if err == nil {
			p.latencies = append(p.latencies, arrived.Sub(time.Unix(0, sent)))
		}
	}
	p.seen.Add(1)
}
