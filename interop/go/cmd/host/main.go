// Command host is an unmodified go-libp2p host for `npm run interop`: TCP (noise, yamux) and QUIC on loopback, the stock ping and identify,
// and three small protocols to move streams and bytes in either direction. It is told what to do one JSON object per line:
//
//	{"command":"listen","transports":["tcp","quic"]}    answers {"peer","addresses"}
//	{"command":"connect","address":"/ip4/127.0.0.1/…/p2p/…"}
//	{"command":"ping","count":10}                        answers {"p50Ms"}
//	{"command":"identify"}                               answers {"agent","protocols"}
//	{"command":"streams","count":1000,"concurrency":16}  opens, asks, reads the answer, closes; answers {"answered","seconds"}
//	{"command":"send","bytes":268435456}                 uploads and compares the receiver's count and SHA-256; answers {"bytes","seconds"}
//	{"command":"receive","bytes":268435456}              downloads and compares; answers {"bytes","seconds"}
//	{"command":"hold","count":16,"holdMs":500}           opens streams, leaves them open, uses them again; answers {"opened","after"}
//	{"command":"disconnect"}
//
// With -ack-backlog the yamux session is the same library with a smaller number of opened streams that may await their ACK (stock: 256): it opens no
// further stream while so many are unacknowledged, so a lost ACK shows after a few streams.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-multiaddr"

	"sluice.invalid/interop/internal/lines"
)

// stepTimeout bounds every step of a check.
const stepTimeout = 60 * time.Second

type request struct {
	Command     string   `json:"command"`
	Transports  []string `json:"transports"`
	Address     string   `json:"address"`
	Count       int      `json:"count"`
	Concurrency int      `json:"concurrency"`
	Bytes       int64    `json:"bytes"`
	HoldMs      int      `json:"holdMs"`
}

// node is the host and the peer it was told to connect to.
type node struct {
	host       host.Host
	remote     peer.ID
	ackBacklog int
}

func main() {
	ackBacklog := flag.Int("ack-backlog", 0, "yamux: how many opened streams may await their ACK; 0 keeps go-libp2p's own value")
	flag.Parse()
	n := &node{ackBacklog: *ackBacklog}
	if err := lines.Serve(n.handle); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if n.host != nil {
		_ = n.host.Close()
	}
}

func (n *node) handle(r request) (any, error) {
	if r.Command == "listen" {
		return n.listen(r.Transports)
	}
	if n.host == nil {
		return nil, errors.New("listen comes first")
	}
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	switch r.Command {
	case "connect":
		return n.connect(ctx, r.Address)
	case "ping":
		return n.ping(ctx, r.Count)
	case "identify":
		return n.identify(ctx)
	case "streams":
		return n.streams(ctx, r.Count, r.Concurrency)
	case "send":
		return n.send(ctx, r.Bytes)
	case "receive":
		return n.receive(ctx, r.Bytes)
	case "hold":
		return n.hold(ctx, r.Count, time.Duration(r.HoldMs)*time.Millisecond)
	case "disconnect":
		return struct{}{}, n.host.Network().ClosePeer(n.remote)
	}
	return nil, fmt.Errorf("unknown command %q", r.Command)
}

// listen builds the host on loopback ports the system chooses. Everything not named is go-libp2p's default.
func (n *node) listen(transports []string) (any, error) {
	if n.host != nil {
		return nil, errors.New("already listening")
	}
	options := []libp2p.Option{libp2p.Security(noise.ID, noise.New), n.muxer(), libp2p.DisableRelay()}
	for _, name := range transports {
		switch name {
		case "tcp":
			options = append(options, libp2p.Transport(tcp.NewTCPTransport), libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
		case "quic":
			options = append(options, libp2p.Transport(libp2pquic.NewTransport), libp2p.ListenAddrStrings("/ip4/127.0.0.1/udp/0/quic-v1"))
		default:
			return nil, fmt.Errorf("unknown transport %q", name)
		}
	}
	built, err := libp2p.New(options...)
	if err != nil {
		return nil, err
	}
	n.host = built
	serveProtocols(built)
	addresses := []string{}
	for _, addr := range built.Addrs() {
		addresses = append(addresses, addr.Encapsulate(multiaddr.StringCast("/p2p/"+built.ID().String())).String())
	}
	return map[string]any{"peer": built.ID().String(), "addresses": addresses}, nil
}

func (n *node) muxer() libp2p.Option {
	if n.ackBacklog == 0 {
		return libp2p.Muxer(yamux.ID, yamux.DefaultTransport)
	}
	config := *yamux.DefaultTransport.Config()
	config.AcceptBacklog = n.ackBacklog
	return libp2p.Muxer(yamux.ID, (*yamux.Transport)(&config))
}

func (n *node) connect(ctx context.Context, address string) (any, error) {
	info, err := peer.AddrInfoFromString(address)
	if err != nil {
		return nil, err
	}
	if err := n.host.Connect(ctx, *info); err != nil {
		return nil, err
	}
	n.remote = info.ID
	return map[string]string{"peer": info.ID.String()}, nil
}
