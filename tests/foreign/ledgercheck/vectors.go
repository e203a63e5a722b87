package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// vector is one case of vectors/ledger; each kind has some of the fields.
type vector struct {
	ID       string          `json:"id"`
	Case     string          `json:"case"`
	Holds    bool            `json:"holds"`
	Entries  json.RawMessage `json:"entries"`
	Bundle   string          `json:"bundle"`
	Level    json.RawMessage `json:"level"`
	Index    int64           `json:"index"`
	Width    int64           `json:"width"`
	Size     int64           `json:"size"`
	SizeOld  int64           `json:"size_old"`
	Leaf     string          `json:"leaf_hash"`
	Root     string          `json:"root"`
	RootOld  string          `json:"root_old"`
	Path     json.RawMessage `json:"path"`
	Proof    json.RawMessage `json:"proof"`
	Vkey     string          `json:"vkey"`
	Entry    string          `json:"entry"`
	Note     string          `json:"note"`
	Origin   string          `json:"origin"`
	Receipt  string          `json:"receipt"`
	Position int64           `json:"position"`
}

// runVectors runs every case that this program knows and returns how many.
func runVectors(dir string) (count int64, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		return 0, errors.New("no vectors")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return count, err
		}
		var set struct{ Cases []vector }
		if err := json.Unmarshal(data, &set); err != nil {
			return count, fmt.Errorf("%s: %w", file, err)
		}
		for _, v := range set.Cases {
			known, err := v.run()
			if err != nil {
				return count, fmt.Errorf("%s: %w", v.ID, err)
			}
			if known {
				count++
			}
		}
	}
	return count, nil
}

// run runs one case; known is false for a kind that is not this program's.
func (v vector) run() (known bool, err error) {
	switch v.Case {
	case "root":
		return true, v.runRoot()
	case "inclusion", "consistency":
		return true, v.runProof()
	case "bundle":
		return true, v.runBundle()
	case "path":
		return true, v.runPath()
	case "checkpoint", "refused_checkpoint":
		return true, v.runCheckpoint()
	case "proof", "refused_proof":
		return true, v.runFile(checkProof, text(v.Proof), unhex(v.Entry), v.Case == "proof")
	case "make":
		entry := unhex(texts(v.Entries)[v.Position])
		return true, v.runFile(checkReceipt, v.Receipt, entry, true)
	}
	return false, nil
}

func (v vector) runRoot() error {
	var stored hashes
	entries := texts(v.Entries)
	for i, entry := range entries {
		more, err := tlog.StoredHashesForRecordHash(int64(i), tlog.RecordHash(unhex(entry)), stored)
		if err != nil {
			return err
		}
		stored = append(stored, more...)
	}
	root, err := tlog.TreeHash(int64(len(entries)), stored)
	// x/mod has no root of an empty tree.
	if err == nil && len(entries) > 0 && root != hashOf(v.Root) {
		err = errors.New("another root")
	}
	return err
}

// runProof checks a proof, and if it holds every one-bit change of it.
func (v vector) runProof() error {
	var parts []string
	var check func(list []tlog.Hash) error
	if v.Case == "inclusion" {
		parts, check = append([]string{v.Leaf, v.Root}, texts(v.Path)...), v.checkInclusion
	} else {
		parts, check = append([]string{v.RootOld, v.Root}, texts(v.Proof)...), v.checkConsistency
	}
	if v.Case == "consistency" && v.SizeOld == 0 {
		return nil // x/mod proves nothing of an empty tree
	}
	list := make([]tlog.Hash, len(parts))
	for i, part := range parts {
		if len(part) != 2*tlog.HashSize {
			return expect(errors.New("not a hash"), v.Holds)
		}
		list[i] = hashOf(part)
	}
	if err := expect(check(list), v.Holds); err != nil || !v.Holds {
		return err
	}
	for bit := 0; bit < len(list)*tlog.HashSize*8; bit++ {
		at := &list[bit/(tlog.HashSize*8)][bit/8%tlog.HashSize]
		*at ^= 1 << (bit % 8)
		if check(list) == nil {
			return fmt.Errorf("holds with bit %d changed", bit)
		}
		*at ^= 1 << (bit % 8)
	}
	return nil
}

func (v vector) checkInclusion(list []tlog.Hash) error {
	return tlog.CheckRecord(list[2:], v.Size, list[1], v.Index, list[0])
}

func (v vector) checkConsistency(list []tlog.Hash) error {
	return tlog.CheckTree(list[2:], v.Size, list[1], v.SizeOld, list[0])
}

func (v vector) runBundle() error {
	rest := unhex(v.Bundle)
	for _, want := range texts(v.Entries) {
		entry, more, err := cutEntry(rest)
		if err != nil || !bytes.Equal(entry, unhex(want)) {
			return errors.New("another entry")
		}
		rest = more
	}
	if len(rest) != 0 {
		return errors.New("bytes left over")
	}
	return nil
}

func (v vector) runPath() error {
	level := strings.Trim(string(v.Level), `"`)
	if found := tilePath(level, v.Index, v.Width); found != text(v.Path) {
		return fmt.Errorf("%s is another path", found)
	}
	return nil
}

func (v vector) runCheckpoint() error {
	verifier, err := note.NewVerifier(v.Vkey)
	if err != nil {
		return err
	}
	holds := v.Case == "checkpoint"
	origin, size, root, err := openCheckpoint([]byte(v.Note), verifier)
	if err := expect(err, holds); err != nil || !holds {
		return err
	}
	if origin != v.Origin || size != v.Size || root != hashOf(v.Root) {
		return errors.New("another head")
	}
	return nil
}

func (v vector) runFile(
	check func(document, entry []byte, vkey string) (int64, tlog.Hash, error),
	document string, entry []byte, holds bool,
) error {
	_, _, err := check([]byte(document), entry, v.Vkey)
	return expect(err, holds)
}

// expect turns an outcome that is not the stated one into an error.
func expect(err error, holds bool) error {
	if holds {
		return err
	}
	if err == nil {
		return errors.New("taken, and must be refused")
	}
	return nil
}

// hashOf returns a hash from its hexadecimal digits.
func hashOf(digits string) (hash tlog.Hash) {
	copy(hash[:], unhex(digits))
	return hash
}

// unhex returns what hexadecimal digits stand for; vectors hold no others.
func unhex(digits string) []byte {
	data, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return data
}

// text returns a JSON string.
func text(raw json.RawMessage) (found string) {
	if err := json.Unmarshal(raw, &found); err != nil {
		panic(err)
	}
	return found
}

// texts returns a JSON list of strings.
func texts(raw json.RawMessage) (found []string) {
	if err := json.Unmarshal(raw, &found); err != nil {
		panic(err)
	}
	return found
}
