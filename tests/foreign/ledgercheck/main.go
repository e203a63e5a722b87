// Command ledgercheck verifies what a ledger publishes and hands out with the
// Go project's own implementation of signed notes and transparency logs, and
// with no code of Comity's.
//
// Usage:
//
//	ledgercheck export DIR VKEY           a static export, against the ledger's key
//	ledgercheck proof FILE ENTRY VKEY     a .tlog-proof of an entry's bytes, likewise
//	ledgercheck receipt FILE ENTRY VKEY   a receipt of them, against the host's key
//	ledgercheck cosigned FILE VKEY VKEY...  a checkpoint, against the ledger's and every witness's key
//	ledgercheck vectors DIR               the cases of vectors/ledger that it knows
//
// It prints one line and exits 0 only if all is exactly as it must be: for an
// export the signature of the checkpoint, every entry bundle against every
// tile, every tile against the root, what leaves say of bundles and documents,
// and no other file. A bundle may be absent only where a redaction in a bundle
// that is there names one of its leaves. Any doubt ends it with status 1.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

func main() {
	root, size, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "ledgercheck:", err)
		os.Exit(1)
	}
	fmt.Printf("ok size=%d root=%v\n", size, root)
}

// run carries out one command and returns the tree head that it led to.
func run(args []string) (root tlog.Hash, size int64, err error) {
	switch {
	case len(args) == 3 && args[0] == "export":
		size, root, err = check(args[1], args[2])
	case len(args) == 4 && args[0] == "proof":
		size, root, err = checkFiles(args[1], args[2], args[3], checkProof)
	case len(args) == 4 && args[0] == "receipt":
		size, root, err = checkFiles(args[1], args[2], args[3], checkReceipt)
	case len(args) >= 4 && args[0] == "cosigned":
		size, root, err = checkCosigned(args[1], args[2], args[3:])
	case len(args) == 2 && args[0] == "vectors":
		size, err = runVectors(args[1])
	default:
		err = errors.New(
			"usage: ledgercheck export DIR VKEY | proof|receipt FILE ENTRY VKEY |" +
				" cosigned FILE VKEY VKEY... | vectors DIR")
	}
	return root, size, err
}

// check returns the signed size and root hash of an export that holds exactly
// the documents of that size.
func check(dir, vkey string) (int64, tlog.Hash, error) {
	origin, size, root, err := readCheckpoint(dir, vkey)
	if err != nil {
		return 0, root, err
	}
	documents := map[string]bool{"checkpoint": true, "vkey": true}
	said := newSayings(origin)
	stored, err := readBundles(dir, size, documents, said)
	if err != nil {
		return 0, root, err
	}
	derived, err := tlog.TreeHash(size, stored)
	if err != nil {
		return 0, root, err
	}
	if size > 0 && derived != root {
		return 0, root, fmt.Errorf("%s: the entries make root %v, signed is %v", origin, derived, root)
	}
	if err := compareTiles(dir, size, stored, documents); err != nil {
		return 0, root, err
	}
	if err := said.check(dir, size, documents); err != nil {
		return 0, root, err
	}
	return size, root, refuseStrangers(dir, documents)
}

// readCheckpoint returns what the ledger's key signed.
func readCheckpoint(dir, vkey string) (origin string, size int64, root tlog.Hash, err error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return "", 0, root, err
	}
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return "", 0, root, err
	}
	return openCheckpoint(signed, verifier)
}

// openCheckpoint returns what a signed checkpoint commits to.
func openCheckpoint(signed []byte, verifier note.Verifier) (origin string, size int64, root tlog.Hash, err error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return "", 0, root, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return "", 0, root, errors.New("checkpoint: not the three lines of this ledger")
	}
	size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return "", 0, root, errors.New("checkpoint: size is not a decimal number")
	}
	root, err = tlog.ParseHash(lines[2])
	return lines[0], size, root, err
}

// hashes holds every hash of a tree, in the order that tlog stores them.
type hashes []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(h)) {
			return nil, fmt.Errorf("hash %d is not in the tree", index)
		}
		found[i] = h[index]
	}
	return found, nil
}

// readBundles hashes the entries of every bundle, or takes a withdrawn bundle's
// hashes from its tile, and notes what the leaves say.
func readBundles(dir string, size int64, documents map[string]bool, said *sayings) (hashes, error) {
	var stored hashes
	for first := int64(0); first < size; first += tileWidth {
		found, err := readBundle(dir, first, bundleWidth(size, first), documents, said)
		if err != nil {
			return nil, err
		}
		for i, hash := range found {
			more, err := tlog.StoredHashesForRecordHash(first+int64(i), hash, stored)
			if err != nil {
				return nil, err
			}
			stored = append(stored, more...)
		}
	}
	return stored, nil
}

// bundleWidth returns how many entries the bundle has that begins at an index.
func bundleWidth(size, first int64) int64 {
	if size-first < tileWidth {
		return size - first
	}
	return tileWidth
}

// readBundle returns the hashes of one bundle's entries.
func readBundle(dir string, first, width int64, documents map[string]bool, said *sayings) ([]tlog.Hash, error) {
	name := tilePath("entries", first/tileWidth, width)
	entries, err := readEntries(dir, name, width)
	if errors.Is(err, fs.ErrNotExist) {
		said.absent[first/tileWidth] = name
		return readTile(dir, first/tileWidth, width)
	}
	if err != nil {
		return nil, err
	}
	documents[name] = true
	found := make([]tlog.Hash, width)
	for i, entry := range entries {
		found[i] = tlog.RecordHash(entry)
		if err := said.read(first+int64(i), entry); err != nil {
			return nil, fmt.Errorf("%s: entry %d: %w", name, first+int64(i), err)
		}
	}
	return found, nil
}

// readEntries returns the entries of a bundle: exactly as many, and no byte more.
func readEntries(dir, name string, width int64) ([][]byte, error) {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	entries := make([][]byte, width)
	for i := range entries {
		if entries[i], data, err = cutEntry(data); err != nil {
			return nil, fmt.Errorf("%s: entry %d of it: %w", name, i, err)
		}
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("%s: %d bytes after the last entry", name, len(data))
	}
	return entries, nil
}

// readTile returns the hashes of a level-0 tile.
func readTile(dir string, index, width int64) ([]tlog.Hash, error) {
	name := tilePath("0", index, width)
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err == nil && len(data) != int(width)*tlog.HashSize {
		err = fmt.Errorf("%s: not of its length", name)
	}
	if err != nil {
		return nil, err
	}
	found := make([]tlog.Hash, width)
	for i := range found {
		copy(found[i][:], data[i*tlog.HashSize:])
	}
	return found, nil
}

// cutEntry splits the first entry off a bundle.
func cutEntry(data []byte) (entry, rest []byte, err error) {
	if len(data) < 2 {
		return nil, nil, errors.New("no length")
	}
	length := int(binary.BigEndian.Uint16(data))
	if len(data) < 2+length {
		return nil, nil, errors.New("cut off")
	}
	return data[2 : 2+length], data[2+length:], nil
}

// compareTiles compares every tile with what the entries make of it.
func compareTiles(dir string, size int64, stored hashes, documents map[string]bool) error {
	for level, count := 0, size; count > 0; level, count = level+1, count/tileWidth {
		for first := int64(0); first < count; first += tileWidth {
			tile := tlog.Tile{H: tileHeight, L: level, N: first / tileWidth, W: tileWidth}
			if count-first < tileWidth {
				tile.W = int(count - first)
			}
			if err := compareTile(dir, tile, stored, documents); err != nil {
				return err
			}
		}
	}
	return nil
}

// compareTile compares one tile, byte for byte.
func compareTile(dir string, tile tlog.Tile, stored hashes, documents map[string]bool) error {
	name := tilePath(strconv.Itoa(tile.L), tile.N, int64(tile.W))
	documents[name] = true
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	derived, err := tlog.ReadTileData(tile, stored)
	if err == nil && !bytes.Equal(data, derived) {
		err = fmt.Errorf("%s: not the hashes of what is below it", name)
	}
	return err
}

// refuseStrangers reports a file that a ledger of this size does not have.
func refuseStrangers(dir string, documents map[string]bool) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil && !documents[filepath.ToSlash(name)] {
			err = fmt.Errorf("%s: does not belong to a ledger of this size", name)
		}
		return err
	})
}

// indexPath writes an index as tlog-tiles does.
func indexPath(index int64) string {
	name := fmt.Sprintf("%03d", index%1000)
	for index /= 1000; index > 0; index /= 1000 {
		name = fmt.Sprintf("x%03d/%s", index%1000, name)
	}
	return name
}

// tilePath returns where a tile, or a bundle if the level is "entries", lies.
func tilePath(level string, index, width int64) string {
	name := indexPath(index)
	if width < tileWidth {
		name = fmt.Sprintf("%s.p/%d", name, width)
	}
	return "tile/" + level + "/" + name
}
