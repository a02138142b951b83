package conf

import (
	"errors"
	"slices"
	"strconv"

	"github.com/BurntSushi/toml"
)

// A node is one key of the file: its value and where it stands.
type node struct {
	key     toml.Key
	value   any              // as toml decodes it
	nodes   map[string]*node // what is in it, if the value is a table; of a list of tables each by its number, from 1
	file    *file            // nil for the whole configuration
	written toml.Primitive
}

// A file is one of those that a configuration is read from.
type file struct {
	name string // as problems show it
	dir  string // absolute: where relative paths in it begin
	meta toml.MetaData
}

// parseTree reads the file's syntax. Its error is a toml.ParseError.
func parseTree(in *file, data []byte) (*node, error) {
	var values map[string]toml.Primitive
	meta, err := toml.Decode(string(data), &values)
	if err != nil {
		return nil, err
	}
	in.meta = meta
	nodes, err := grow(in, nil, values)
	return &node{nodes: nodes, file: in}, err
}

func grow(in *file, key toml.Key, values map[string]toml.Primitive) (map[string]*node, error) {
	nodes := make(map[string]*node, len(values))
	for name, value := range values {
		n := &node{key: append(key[:len(key):len(key)], name), file: in, written: value}
		if err := in.meta.PrimitiveDecode(value, &n.value); err != nil {
			return nil, err
		}
		if err := n.open(value); err != nil {
			return nil, err
		}
		nodes[name] = n
	}
	return nodes, nil
}

// open reads what is in a table, or in a list of tables.
func (n *node) open(value toml.Primitive) error {
	var values map[string]toml.Primitive
	switch n.value.(type) {
	case map[string]any:
		if err := n.file.meta.PrimitiveDecode(value, &values); err != nil {
			return err
		}
	case []map[string]any:
		var list []toml.Primitive
		if err := n.file.meta.PrimitiveDecode(value, &list); err != nil {
			return err
		}
		values = make(map[string]toml.Primitive, len(list))
		for i, element := range list {
			values[strconv.Itoa(i+1)] = element
		}
	default:
		return nil
	}
	nodes, err := grow(n.file, n.key, values)
	n.nodes = nodes
	return err
}

// elements are those of a list of tables.
func (n *node) elements() (list []*node, ok bool) {
	tables, ok := n.value.([]map[string]any)
	for i := range tables {
		list = append(list, n.nodes[strconv.Itoa(i+1)])
	}
	return list, ok
}

// isTable reports whether it is a table, which a list of tables is not.
func (n *node) isTable() bool {
	_, ok := n.value.(map[string]any)
	return ok
}

// placeOf is where the key stands, or the nearest table around it of which a line is known: toml knows none for
// a key that is the empty string. Without any it is the file that was named to Load.
func (n *node) placeOf(key []string) (name string, line int) {
	name = n.file.name
	var way []*node
	for _, name := range key {
		inner, ok := n.nodes[name]
		if !ok {
			break
		}
		way, n = append(way, inner), inner
	}
	for _, n := range slices.Backward(way) {
		if line := n.line(); line > 0 {
			return n.file.name, line
		}
	}
	return name, 0
}

// line is where the value begins, or the table's header; of a table without one, its first key. To find
// it, toml goes through the whole file: so it is asked for what is wrong alone, not for each key.
func (n *node) line() int {
	line := lineOf(&n.file.meta, n.written)
	if line > 0 {
		return line
	}
	for _, inner := range n.nodes {
		if at := inner.line(); line == 0 || at < line {
			line = at
		}
	}
	return line
}

// lineOf is the line of a value. toml knows it but shows it only in the errors of an Unmarshaler:
// so one refuses the value.
func lineOf(meta *toml.MetaData, value toml.Primitive) int {
	err, _ := errors.AsType[toml.ParseError](meta.PrimitiveDecode(value, &refusing{}))
	return err.Position.Line
}

type refusing struct{}

var errRefused = errors.New("refused")

func (*refusing) UnmarshalTOML(any) error { return errRefused }
