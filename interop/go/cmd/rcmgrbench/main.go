// Command rcmgrbench runs go-libp2p's resource manager through its public API, one timed block at a time, for `npm run bench -- resources`.
//
// Requests, one JSON object per line:
//
//	{"command":"setup","peers":1000,"metrics":"off","full":false}   builds a manager with that many live peers (each holds a connection, so that its scope lives)
//	{"command":"run","case":"stream cycle","seconds":0.5}           runs one kind of operation for that long; answers {"operations","seconds"}
//
// metrics is "off" (rcmgr.WithMetricsDisabled) or "default" (what rcmgr.NewResourceManager does when nothing is said).
// loopback gives the peers addresses of 127.0.0.0/8, which have no limits of their own.
// full builds peers that hold all the streams their scope admits, for the case "refusal".
// The limits are finite at every scope, so that every check is made, and the same as on the other side of the comparison.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"
	"github.com/multiformats/go-multiaddr"

	"sluice.invalid/interop/internal/lines"
)

const (
	protocolID   = "/sluice/bench/1.0.0"
	serviceName  = "bench"
	reserveBytes = 4096
	// fullStreams is how many inbound streams a peer scope admits in the case "refusal".
	fullStreams = 8
	peersMax    = 1_000_000
	// addressesMin is from how many addresses the peers of the case "connection cycle" come at least, so that no rate of one address is a million a second.
	addressesMin = 64
	// orderShown is how much of the visiting order setup answers with, for the comparison with the other side's.
	orderShown = 8
	// batch is how many operations run between two looks at the clock.
	batch = 512
	// unreached is a rate no block comes near: the bucket is kept and counted down, and never refuses.
	unreached = 1_000_000_000
)

type request struct {
	Command  string  `json:"command"`
	Peers    int     `json:"peers"`
	Metrics  string  `json:"metrics"`
	Full     bool    `json:"full"`
	Loopback bool    `json:"loopback"`
	Case     string  `json:"case"`
	Seconds  float64 `json:"seconds"`
}

type timed struct {
	Operations int64   `json:"operations"`
	Seconds    float64 `json:"seconds"`
}

// bench is a resource manager with its live peers, and the order in which they are visited.
type bench struct {
	manager network.ResourceManager
	peers   []peer.ID
	addrs   []multiaddr.Multiaddr
	streams []network.StreamManagementScope
	order   []uint32
	next    int
	cycles  int
}

func main() {
	var current *bench
	err := lines.Serve(func(r request) (any, error) {
		switch r.Command {
		case "setup":
			if current != nil {
				return nil, errors.New("setup was done; start a fresh process")
			}
			built, err := newBench(r.Peers, r.Metrics, r.Full, r.Loopback)
			if err != nil {
				return nil, err
			}
			current = built
			return map[string]any{"peers": r.Peers, "order": built.order[:min(orderShown, r.Peers)], "address": address(r.Peers-1, r.Loopback)}, nil
		case "run":
			if current == nil {
				return nil, errors.New("setup comes first")
			}
			return current.run(r.Case, r.Seconds)
		}
		return nil, fmt.Errorf("unknown command %q", r.Command)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// limits are finite everywhere and, but for the streams of a peer in the case "refusal", never reached.
func limits(full bool) rcmgr.ConcreteLimitConfig {
	wide := rcmgr.ResourceLimits{
		Streams: 1 << 20, StreamsInbound: 1 << 20, StreamsOutbound: 1 << 20,
		Conns: 1 << 20, ConnsInbound: 1 << 20, ConnsOutbound: 1 << 20, FD: 1 << 20, Memory: 1 << 40,
	}
	perPeer := rcmgr.ResourceLimits{
		Streams: 4096, StreamsInbound: 4096, StreamsOutbound: 4096,
		Conns: 1024, ConnsInbound: 1024, ConnsOutbound: 1024, FD: 1024, Memory: 1 << 32,
	}
	onePeer := perPeer
	if full {
		onePeer.StreamsInbound = fullStreams
	}
	return rcmgr.PartialLimitConfig{
		System: wide, Transient: wide, AllowlistedSystem: wide, AllowlistedTransient: wide,
		ServiceDefault: wide, ServicePeerDefault: perPeer, ProtocolDefault: wide, ProtocolPeerDefault: perPeer, PeerDefault: onePeer,
		Conn:   rcmgr.ResourceLimits{Streams: rcmgr.BlockAllLimit, StreamsInbound: rcmgr.BlockAllLimit, StreamsOutbound: rcmgr.BlockAllLimit, Conns: 1, ConnsInbound: 1, ConnsOutbound: 1, FD: 1, Memory: 32 << 20},
		Stream: rcmgr.ResourceLimits{Streams: 1, StreamsInbound: 1, StreamsOutbound: 1, Conns: rcmgr.BlockAllLimit, ConnsInbound: rcmgr.BlockAllLimit, ConnsOutbound: rcmgr.BlockAllLimit, FD: rcmgr.BlockAllLimit, Memory: 16 << 20},
	}.Build(rcmgr.InfiniteLimits)
}

func newBench(count int, metrics string, full, loopback bool) (*bench, error) {
	if count < 1 || count > peersMax {
		return nil, fmt.Errorf("peers must be 1 to %d", peersMax)
	}
	options := []rcmgr.Option{
		rcmgr.WithLimitPerSubnet([]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: 1 << 20}}, nil),
		rcmgr.WithConnRateLimiters(&rate.Limiter{NetworkPrefixLimits: []rate.PrefixLimit{{Prefix: netip.MustParsePrefix("127.0.0.0/8")}}, SubnetRateLimiter: rate.SubnetLimiter{
			IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: rate.Limit{RPS: unreached, Burst: unreached}}},
			GracePeriod:      time.Minute,
		}}),
	}
	switch metrics {
	case "off":
		options = append(options, rcmgr.WithMetricsDisabled())
	case "default":
	default:
		return nil, fmt.Errorf("metrics must be off or default, not %q", metrics)
	}
	manager, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limits(full)), options...)
	if err != nil {
		return nil, err
	}
	b := &bench{manager: manager, order: visitingOrder(count)}
	for index := range max(count, addressesMin) {
		addr, err := multiaddr.NewMultiaddr(fmt.Sprintf("/ip4/%s/tcp/4001", address(index, loopback)))
		if err != nil {
			return nil, err
		}
		b.addrs = append(b.addrs, addr)
	}
	for index := range count {
		if err := b.addPeer(index, full); err != nil {
			return nil, fmt.Errorf("peer %d: %w", index, err)
		}
	}
	return b, nil
}

// addPeer opens a connection, gives it its peer, and leaves one attached stream open (in the case "refusal": as many as the peer scope admits).
func (b *bench) addPeer(index int, full bool) error {
	id := peerID(index)
	connection, err := b.manager.OpenConnection(network.DirInbound, true, b.addrs[index])
	if err != nil {
		return err
	}
	if err := connection.SetPeer(id); err != nil {
		return err
	}
	open := 1
	if full {
		open = fullStreams
	}
	for range open {
		stream, err := b.manager.OpenStream(id, network.DirInbound)
		if err != nil {
			return err
		}
		if err := attach(stream); err != nil {
			return err
		}
		b.streams = append(b.streams, stream)
	}
	b.peers = append(b.peers, id)
	return nil
}

func attach(stream network.StreamManagementScope) error {
	if err := stream.SetProtocol(protocolID); err != nil {
		return err
	}
	return stream.SetService(serviceName)
}

// address spreads the peers over 16.0.0.0/8, public addresses, or over 127.0.0.0/8, which neither side limits: one each, several to a /24. The other side computes the same.
func address(index int, loopback bool) string {
	base := uint32(16 << 24)
	if loopback {
		base = 127 << 24
	}
	value := base + uint32(index)*97
	return fmt.Sprintf("%d.%d.%d.%d", value>>24, value>>16&255, value>>8&255, value&255)
}

// peerID has the size and form of an Ed25519 identity: an identity multihash over 36 bytes.
func peerID(index int) peer.ID {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], uint64(index))
	digest := sha256.Sum256(seed[:])
	return peer.ID(append([]byte{0x00, 0x24, 0x08, 0x01, 0x12, 0x20}, digest[:]...))
}

// visitingOrder is a Fisher-Yates shuffle driven by xorshift32 with a fixed seed. The other side computes the same.
func visitingOrder(count int) []uint32 {
	order := make([]uint32, count)
	for index := range order {
		order[index] = uint32(index)
	}
	state := uint32(2463534242)
	for index := count - 1; index > 0; index-- {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		other := int(state % uint32(index+1))
		order[index], order[other] = order[other], order[index]
	}
	return order
}

func (b *bench) turn() uint32 {
	index := b.order[b.next]
	b.next++
	if b.next == len(b.order) {
		b.next = 0
	}
	return index
}

func (b *bench) run(name string, seconds float64) (any, error) {
	operation, err := b.operation(name)
	if err != nil {
		return nil, err
	}
	if seconds <= 0 || seconds > 60 {
		return nil, errors.New("seconds must be above 0 and at most 60")
	}
	limit := time.Duration(seconds * float64(time.Second))
	var operations int64
	start := time.Now()
	for {
		for range batch {
			if err := operation(); err != nil {
				return nil, err
			}
		}
		operations += batch
		if elapsed := time.Since(start); elapsed >= limit {
			return timed{Operations: operations, Seconds: elapsed.Seconds()}, nil
		}
	}
}

func (b *bench) operation(name string) (func() error, error) {
	switch name {
	case "stream cycle":
		return b.streamCycle, nil
	case "connection cycle":
		return b.connectionCycle, nil
	case "memory":
		return b.memory, nil
	case "refusal":
		return b.refusal, nil
	}
	return nil, fmt.Errorf("unknown case %q", name)
}

func (b *bench) streamCycle() error {
	stream, err := b.manager.OpenStream(b.peers[b.turn()], network.DirInbound)
	if err != nil {
		return err
	}
	if err := attach(stream); err != nil {
		return err
	}
	if err := stream.ReserveMemory(reserveBytes, network.ReservationPriorityAlways); err != nil {
		return err
	}
	stream.ReleaseMemory(reserveBytes)
	stream.Done()
	return nil
}

func (b *bench) connectionCycle() error {
	index := b.turn()
	from := index
	if len(b.peers) < addressesMin {
		from = uint32(b.cycles % addressesMin)
		b.cycles++
	}
	connection, err := b.manager.OpenConnection(network.DirInbound, true, b.addrs[from])
	if err != nil {
		return err
	}
	if err := connection.SetPeer(b.peers[index]); err != nil {
		return err
	}
	connection.Done()
	return nil
}

func (b *bench) memory() error {
	stream := b.streams[b.turn()]
	if err := stream.ReserveMemory(reserveBytes, network.ReservationPriorityAlways); err != nil {
		return err
	}
	stream.ReleaseMemory(reserveBytes)
	return nil
}

func (b *bench) refusal() error {
	stream, err := b.manager.OpenStream(b.peers[b.turn()], network.DirInbound)
	if err == nil {
		stream.Done()
		return errors.New("a stream was admitted where a refusal was expected")
	}
	if !errors.Is(err, network.ErrResourceLimitExceeded) {
		return err
	}
	return nil
}
