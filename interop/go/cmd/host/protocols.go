package main

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
)

// The three protocols of the checks. The TypeScript side speaks the same ones.
const (
	// echoID: the responder sends back what it reads until the end of the requester's writing.
	echoID = "/sluice/interop/echo/1.0.0"
	// uploadID: the requester sends any number of bytes; at their end the responder answers with their count (8 bytes, big endian) and SHA-256.
	uploadID = "/sluice/interop/upload/1.0.0"
	// downloadID: the requester sends a count (8 bytes, big endian); the responder sends that many bytes of the pattern.
	downloadID = "/sluice/interop/download/1.0.0"
)

const (
	// patternBytes is the period of the bulk bytes; it is odd, so that the pattern shifts against every frame and window size.
	patternBytes = 65_521
	// downloadBytesMax bounds what a requester may ask for.
	downloadBytesMax = 4 << 30
	// echoBytesMax bounds one echo.
	echoBytesMax = 1 << 20
)

func serveProtocols(h host.Host) {
	h.SetStreamHandler(echoID, closing(func(s network.Stream) error {
		_, err := io.Copy(s, io.LimitReader(s, echoBytesMax))
		return err
	}))
	h.SetStreamHandler(uploadID, closing(func(s network.Stream) error {
		digest := sha256.New()
		count, err := io.Copy(digest, s)
		if err != nil {
			return err
		}
		_, err = s.Write(receipt(count, digest))
		return err
	}))
	h.SetStreamHandler(downloadID, closing(func(s network.Stream) error {
		var count [8]byte
		if _, err := io.ReadFull(s, count[:]); err != nil {
			return err
		}
		_, err := io.Copy(s, pattern(int64(min(binary.BigEndian.Uint64(count[:]), downloadBytesMax))))
		return err
	}))
}

// closing closes a stream whose handler succeeded and resets one whose handler failed.
func closing(handle func(s network.Stream) error) network.StreamHandler {
	return func(s network.Stream) {
		if err := handle(s); err != nil {
			_ = s.Reset()
			return
		}
		_ = s.Close()
	}
}

func receipt(count int64, digest hash.Hash) []byte {
	return digest.Sum(binary.BigEndian.AppendUint64(nil, uint64(count)))
}

// patternReader yields the bytes (i mod patternBytes) * 31 mod 256, i counted from 0.
type patternReader struct {
	block  []byte
	offset int
}

func pattern(count int64) io.Reader {
	block := make([]byte, patternBytes)
	for index := range block {
		block[index] = byte(index * 31)
	}
	return io.LimitReader(&patternReader{block: block}, count)
}

func (p *patternReader) Read(into []byte) (int, error) {
	copied := copy(into, p.block[p.offset:])
	p.offset = (p.offset + copied) % patternBytes
	return copied, nil
}
