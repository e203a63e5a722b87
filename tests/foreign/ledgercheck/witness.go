package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// cosigner verifies cosignature/v1 lines; the note package calls it for lines
// of its name and key hash.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }

// Verify implements note.Verifier: eight bytes of time, then the signature over
// a header with that time and the text.
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(sig)
	signed := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", time)), msg...)
	return time <= 1<<63-1 && ed25519.Verify(c.key, signed, sig[8:])
}

// newCosigner reads a verifier key of type 4, which the note package does not know.
func newCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("witness: not a verifier key")
	}
	typed, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(typed) != 1+ed25519.PublicKeySize || typed[0] != 4 {
		return nil, errors.New("witness: not a key of type 4")
	}
	sum := sha256.Sum256(bytes.Join([][]byte{[]byte(parts[0]), typed}, []byte("\n")))
	if fmt.Sprintf("%x", sum[:4]) != parts[1] {
		return nil, errors.New("witness: another key's id")
	}
	return cosigner{parts[0], binary.BigEndian.Uint32(sum[:]), typed[1:]}, nil
}

// checkCosigned verifies a checkpoint by the ledger's key and by all witnesses' keys.
func checkCosigned(file, vkey string, witnesses []string) (int64, tlog.Hash, error) {
	signed, err := os.ReadFile(file)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	_, size, root, err := openCheckpoint(signed, verifier)
	if err != nil {
		return 0, root, err
	}
	for _, text := range witnesses {
		witness, err := newCosigner(text)
		if err != nil {
			return 0, root, err
		}
		if _, err := note.Open(signed, note.VerifierList(witness)); err != nil {
			return 0, root, fmt.Errorf("%s: %w", witness.Name(), err)
		}
	}
	return size, root, nil
}
