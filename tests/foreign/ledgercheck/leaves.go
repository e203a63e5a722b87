package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// leaf is what this checker reads of an entry; the tree does not need it.
type leaf struct {
	Kind       string `json:"k"`
	Member     string `json:"st"`
	Cites      string `json:"re"`
	Agency     string `json:"ag"`
	Purpose    string `json:"pu"`
	Offence    string `json:"of"`
	Digest     []byte `json:"dg"`
	Commitment []byte `json:"c"`
}

// sayings holds what the leaves of a ledger say of its bundles and documents.
type sayings struct {
	member    string
	absent    map[int64]string // bundles that are not there, with their names
	withdrawn map[int64]bool   // bundles that a redaction names
	named     map[int64]leaf   // leaves with a document
}

// newSayings returns those of a ledger that has said nothing yet.
func newSayings(origin string) *sayings {
	// A successor's origin has its number behind the member.
	member, _, _ := strings.Cut(origin[strings.LastIndex(origin, "/")+1:], ".")
	return &sayings{
		member:    member,
		absent:    map[int64]string{},
		withdrawn: map[int64]bool{},
		named:     map[int64]leaf{},
	}
}

// read notes what one leaf says.
func (s *sayings) read(index int64, entry []byte) error {
	var found leaf
	var compact bytes.Buffer
	if err := json.Unmarshal(entry, &found); err != nil {
		return err
	}
	if err := json.Compact(&compact, entry); err != nil || !bytes.Equal(compact.Bytes(), entry) {
		return errors.New("not compact JSON")
	}
	if found.Member != s.member {
		return fmt.Errorf("a leaf of %q", found.Member)
	}
	switch found.Kind {
	case "redaction":
		cited, err := s.cited(found)
		if err != nil || cited >= index {
			return errors.New("redacts no earlier leaf of this ledger")
		}
		s.withdrawn[cited/tileWidth] = true
	case "policy", "key", "counts", "reveal":
		s.named[index] = found
	}
	return nil
}

// cited returns which leaf of its own ledger a leaf follows.
func (s *sayings) cited(found leaf) (int64, error) {
	digits := strings.TrimPrefix(found.Cites, s.member+"/")
	index, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || index < 0 || found.Cites != fmt.Sprintf("%s/%d", s.member, index) {
		return 0, fmt.Errorf("%q is no leaf of this ledger", found.Cites)
	}
	return index, nil
}

// check compares what is absent, and every document, with what leaves say.
func (s *sayings) check(dir string, size int64, documents map[string]bool) error {
	for index, name := range s.absent {
		if !s.withdrawn[index] {
			return fmt.Errorf("%s: absent, and no leaf redacts it", name)
		}
		// What leaves nobody can read have named may stand there.
		for i := index * tileWidth; i < size && i < (index+1)*tileWidth; i++ {
			documents["document/"+indexPath(i)] = true
		}
	}
	for index, found := range s.named {
		name := "document/" + indexPath(index)
		documents[name] = true
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) && found.Kind == "counts" {
			continue
		}
		if err == nil && found.Kind == "reveal" {
			err = s.checkReveal(dir, size, index, found, data)
		} else if digest := sha256.Sum256(data); err == nil && !bytes.Equal(digest[:], found.Digest) {
			err = errors.New("not what its leaf holds the digest of")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// checkReveal leads a reveal's opening to the leaf that it cites, which stands
// sealed in all that the reveal says and the opening shows.
func (s *sayings) checkReveal(dir string, size, index int64, found leaf, data []byte) error {
	cited, err := s.cited(found)
	if err != nil || cited >= index {
		return errors.New("reveals no earlier leaf of this ledger")
	}
	first := cited - cited%tileWidth
	if _, isAbsent := s.absent[first/tileWidth]; isAbsent {
		return nil // Nobody can read what it opens any more.
	}
	width := bundleWidth(size, first)
	entries, err := readEntries(dir, tilePath("entries", first/tileWidth, width), width)
	if err != nil {
		return err
	}
	var shown leaf
	if err := json.Unmarshal(entries[cited-first], &shown); err != nil {
		return err
	}
	fields, err := checkOpening(data, shown.Commitment)
	if err != nil {
		return err
	}
	count := 0
	for name, pair := range map[string][2]string{
		"agency":  {found.Agency, shown.Agency},
		"purpose": {found.Purpose, shown.Purpose},
		"offence": {found.Offence, shown.Offence},
	} {
		if pair[0] == "" {
			continue
		}
		if value, isShown := fields[name]; !isShown || value != pair[0] || pair[1] != "sealed" {
			return fmt.Errorf("%s: not what the opening shows of a sealed leaf", name)
		}
		count++
	}
	if count == 0 || count != len(fields) {
		return errors.New("the opening shows something else than the leaf reveals")
	}
	return nil
}

// checkOpening leads an opening to a leaf's commitment and returns what it shows.
func checkOpening(data, commitment []byte) (map[string]string, error) {
	var opening struct {
		Version int               `json:"v"`
		Fields  []json.RawMessage `json:"fields"`
	}
	if err := json.Unmarshal(data, &opening); err != nil {
		return nil, err
	}
	running := sha256.New()
	running.Write([]byte("comity1\n"))
	fields := map[string]string{}
	for _, raw := range opening.Fields {
		var field struct {
			Name  string `json:"name"`
			Salt  []byte `json:"salt"`
			Value []byte `json:"value"`
		}
		var hidden string
		if json.Unmarshal(raw, &hidden) == nil {
			digest, err := base64.StdEncoding.DecodeString(hidden)
			if err != nil || len(digest) != sha256.Size {
				return nil, errors.New("opening: a field is no digest")
			}
			running.Write(digest)
			continue
		}
		if err := json.Unmarshal(raw, &field); err != nil {
			return nil, err
		}
		fields[field.Name] = string(field.Value)
		shown := append(append(field.Salt, field.Name...), 0)
		digest := sha256.Sum256(append(shown, field.Value...))
		running.Write(digest[:])
	}
	if opening.Version != 1 || !bytes.Equal(running.Sum(nil), commitment) {
		return nil, errors.New("opening: leads to another commitment")
	}
	return fields, nil
}
