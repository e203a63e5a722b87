package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// checkFiles reads a document and an entry and checks one against the other.
func checkFiles(
	file, entryFile, vkey string,
	check func(document, entry []byte, vkey string) (int64, tlog.Hash, error),
) (int64, tlog.Hash, error) {
	document, err := os.ReadFile(file)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	return check(document, entry, vkey)
}

// checkProof verifies a tlog-proof of version 1 offline.
func checkProof(document, entry []byte, vkey string) (int64, tlog.Hash, error) {
	head, signed, found := strings.Cut(string(document), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, tlog.Hash{}, errors.New("not a tlog-proof of version 1")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil || lines[1] != fmt.Sprintf("index %d", index) {
		return 0, tlog.Hash{}, errors.New("index is not a decimal number")
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, tlog.Hash{}, err
		}
		proof = append(proof, hash)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	_, size, root, err := openCheckpoint([]byte(signed), verifier)
	if err != nil {
		return 0, root, err
	}
	return size, root, tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry))
}

// receipt is what a gateway hands out with an answer.
type receipt struct {
	V          int      `json:"v"`
	Origin     string   `json:"origin"`
	Index      int64    `json:"index"`
	Leaf       []byte   `json:"leaf"`
	Size       int64    `json:"size"`
	Path       [][]byte `json:"path"`
	At         int64    `json:"at"`
	HeadsCount int64    `json:"heads_count"`
	Heads      [][]byte `json:"heads"`
	Host       string   `json:"host"`
	Key        string   `json:"key"`
	Sig        []byte   `json:"sig"`
}

// checkReceipt verifies a receipt from the entry's bytes up to the signature.
func checkReceipt(document, entry []byte, vkey string) (int64, tlog.Hash, error) {
	var r receipt
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return 0, tlog.Hash{}, err
	}
	leaf := tlog.RecordHash(entry)
	if r.V != 1 || !bytes.Equal(r.Leaf, leaf[:]) {
		return 0, leaf, errors.New("a receipt of another version or leaf")
	}
	public, err := hostKey(vkey, r)
	if err != nil {
		return 0, leaf, err
	}
	root, err := climb(r.Path, 0, r.Size, r.Index, leaf)
	if err != nil {
		return 0, root, err
	}
	head := fmt.Sprintf("%s\n%d\n%v\n", r.Origin, r.Size, root)
	top, err := climb(r.Heads, 0, r.HeadsCount, r.At, tlog.RecordHash([]byte(head)))
	if err != nil {
		return 0, root, err
	}
	message := fmt.Sprintf("comity/batch/v1\n%s\n%d\n%v\n", r.Host, r.HeadsCount, top)
	if !ed25519.Verify(public, []byte(message), r.Sig) {
		return 0, root, errors.New("the signature does not verify")
	}
	return r.Size, root, nil
}

// hostKey returns the public key in vkey, if the receipt names it.
func hostKey(vkey string, r receipt) (ed25519.PublicKey, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	id, err := hex.DecodeString(r.Key)
	named := fmt.Sprintf("%08x", verifier.KeyHash())
	if err != nil || hex.EncodeToString(id) != named || r.Host != verifier.Name() {
		return nil, errors.New("a receipt by another host or key")
	}
	typed, err := base64.StdEncoding.DecodeString(strings.SplitN(vkey, "+", 3)[2])
	if err != nil || len(typed) != 1+ed25519.PublicKeySize {
		return nil, errors.New("not a key of 32 bytes")
	}
	return typed[1:], nil
}

// climb returns the root over [lo, hi) that a path from entry n leads to.
func climb(path [][]byte, lo, hi, n int64, leaf tlog.Hash) (root tlog.Hash, err error) {
	if n < lo || n >= hi {
		return root, errors.New("an index beyond the tree")
	}
	if hi-lo == 1 {
		if len(path) != 0 {
			err = errors.New("a path too long")
		}
		return leaf, err
	}
	if len(path) == 0 || len(path[len(path)-1]) != tlog.HashSize {
		return root, errors.New("a path too short, or not of hashes")
	}
	var sibling tlog.Hash
	copy(sibling[:], path[len(path)-1])
	path = path[:len(path)-1]
	middle := lo + 1
	for middle-lo < hi-middle {
		middle = lo + 2*(middle-lo)
	}
	if n < middle {
		root, err = climb(path, lo, middle, n, leaf)
		return tlog.NodeHash(root, sibling), err
	}
	root, err = climb(path, middle, hi, n, leaf)
	return tlog.NodeHash(sibling, root), err
}
