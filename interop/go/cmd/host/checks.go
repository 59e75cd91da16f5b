package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

func (n *node) ping(ctx context.Context, count int) (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := ping.Ping(ctx, n.host, n.remote)
	times := make([]float64, 0, count)
	for range count {
		result, open := <-results
		if !open {
			return nil, errors.New("ping ended early")
		}
		if result.Error != nil {
			return nil, result.Error
		}
		times = append(times, float64(result.RTT.Microseconds())/1000)
	}
	slices.Sort(times)
	return map[string]any{"count": len(times), "p50Ms": times[len(times)/2]}, nil
}

// identify reads what the stock identify exchange, which ran when the connection opened, left in the peer store.
func (n *node) identify(ctx context.Context) (any, error) {
	for {
		agent, err := n.host.Peerstore().Get(n.remote, "AgentVersion")
		protocols, protocolsErr := n.host.Peerstore().GetProtocols(n.remote)
		if err == nil && protocolsErr == nil && len(protocols) > 0 {
			return map[string]any{"agent": agent, "protocols": protocols}, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.New("identify did not finish")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (n *node) open(ctx context.Context, id protocol.ID) (network.Stream, error) {
	stream, err := n.host.NewStream(ctx, n.remote, id)
	if err != nil {
		return nil, err
	}
	if deadline, has := ctx.Deadline(); has {
		_ = stream.SetDeadline(deadline)
	}
	return stream, nil
}

// echo is one request and its answer on a stream of its own.
func (n *node) echo(ctx context.Context, message []byte) error {
	stream, err := n.open(ctx, echoID)
	if err != nil {
		return err
	}
	defer stream.Close()
	if _, err := stream.Write(message); err != nil {
		return err
	}
	if err := stream.CloseWrite(); err != nil {
		return err
	}
	answer, err := io.ReadAll(stream)
	if err != nil {
		return err
	}
	if !bytes.Equal(answer, message) {
		return fmt.Errorf("echo answered %d bytes that differ from the %d sent", len(answer), len(message))
	}
	return nil
}

func (n *node) streams(ctx context.Context, count, concurrency int) (any, error) {
	if concurrency < 1 || concurrency > 1024 {
		return nil, errors.New("concurrency must be 1 to 1024")
	}
	start := time.Now()
	work := make(chan int)
	failures := make(chan error, count)
	var group sync.WaitGroup
	for range concurrency {
		group.Go(func() {
			for index := range work {
				if err := n.echo(ctx, fmt.Appendf(nil, "request %d of %d", index, count)); err != nil {
					failures <- err
				}
			}
		})
	}
	for index := range count {
		work <- index
	}
	close(work)
	group.Wait()
	close(failures)
	answered := count - len(failures)
	result := map[string]any{"answered": answered, "seconds": time.Since(start).Seconds()}
	if first, failed := <-failures; failed {
		result["firstError"] = first.Error()
	}
	return result, nil
}

func (n *node) send(ctx context.Context, count int64) (any, error) {
	stream, err := n.open(ctx, uploadID)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	start := time.Now()
	digest := sha256.New()
	if _, err := io.Copy(stream, io.TeeReader(pattern(count), digest)); err != nil {
		return nil, err
	}
	if err := stream.CloseWrite(); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(stream)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(answer, receipt(count, digest)) {
		return nil, errors.New("the receiver's count or SHA-256 differs from what was sent")
	}
	return moved(count, start), nil
}

func (n *node) receive(ctx context.Context, count int64) (any, error) {
	stream, err := n.open(ctx, downloadID)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	start := time.Now()
	if _, err := stream.Write(binary.BigEndian.AppendUint64(nil, uint64(count))); err != nil {
		return nil, err
	}
	if err := stream.CloseWrite(); err != nil {
		return nil, err
	}
	got, want := sha256.New(), sha256.New()
	received, err := io.Copy(got, stream)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(want, pattern(count)); err != nil {
		return nil, err
	}
	if received != count || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		return nil, fmt.Errorf("received %d of %d bytes, or other bytes than the pattern", received, count)
	}
	return moved(count, start), nil
}

func moved(count int64, start time.Time) any {
	return map[string]any{"bytes": count, "seconds": time.Since(start).Seconds()}
}

// hold opens streams one after the other, exchanges a message on each, leaves all open for the given time and exchanges another. yamux opens no further stream
// while a backlog of them is unacknowledged, so fewer than count open when ACKs are lost. Answers how many worked before and after the wait.
func (n *node) hold(ctx context.Context, count int, wait time.Duration) (any, error) {
	held := make([]network.Stream, 0, count)
	defer func() {
		for _, stream := range held {
			_ = stream.Reset()
		}
	}()
	for index := range count {
		opening, cancel := context.WithTimeout(ctx, 5*time.Second)
		stream, err := n.open(opening, echoID)
		if err == nil {
			held = append(held, stream)
			err = exchange(stream, fmt.Appendf(nil, "opened %d", index))
		}
		cancel()
		if err != nil {
			return map[string]any{"opened": index, "after": 0, "firstError": err.Error()}, nil
		}
	}
	time.Sleep(wait)
	after := 0
	result := map[string]any{"opened": count}
	for index, stream := range held {
		_ = stream.SetDeadline(time.Now().Add(5 * time.Second))
		if err := exchange(stream, fmt.Appendf(nil, "held %d", index)); err != nil {
			result["firstError"] = err.Error()
			break
		}
		after++
	}
	result["after"] = after
	return result, nil
}

// exchange writes a message and reads it back, leaving the stream open.
func exchange(stream network.Stream, message []byte) error {
	if _, err := stream.Write(message); err != nil {
		return err
	}
	answer := make([]byte, len(message))
	if _, err := io.ReadFull(stream, answer); err != nil {
		return err
	}
	if !bytes.Equal(answer, message) {
		return errors.New("the answer differs from the message")
	}
	return nil
}
