//! The dissector for Wireshark, made from the table of operations.

use core::fmt::Write;

use crate::ops::{FieldKind, Layout, OPS, Segment};

/// A dissector in Lua for the packets of [`super::write_pcapng`]: save it among Wireshark's
/// plugins, or give it to `tshark -X lua_script:FILE`. Every operation, field and struct comes from
/// the same table as the text twin.
///
/// ```
/// use fuserig_traces::export::lua_dissector;
/// assert!(lua_dissector().contains("[\"LOOKUP\"]"));
/// ```
pub fn lua_dissector() -> String {
    let mut out = String::from(HEAD);
    out.push_str("local ops = {\n");
    for spec in OPS {
        let _ = writeln!(out, "  [{}] = \"{}\",", spec.number, spec.name);
    }
    out.push_str("}\n");
    for (table, layouts) in [
        ("requests", OPS.iter().map(|spec| (spec.name, spec.request)).collect::<Vec<_>>()),
        ("replies", OPS.iter().map(|spec| (spec.name, spec.reply)).collect()),
    ] {
        let _ = writeln!(out, "local {table} = {{");
        for (name, layouts) in layouts {
            // The first layout is the newest; shorter ones are told apart by their lengths.
            if let Some(layout) = layouts.first() {
                let _ = writeln!(out, "  [\"{name}\"] = {{{}}},", parts(layout));
            }
        }
        out.push_str("}\n");
    }
    out.push_str(TAIL);
    out
}

fn parts(layout: &Layout) -> String {
    let part = |segment: &Segment| match segment {
        Segment::Field(field) => {
            let form = match field.kind {
                FieldKind::Octal => "o",
                FieldKind::Hexadecimal | FieldKind::Owner => "x",
                _ => "d",
            };
            format!("{{\"{}\", {}, \"{form}\"}}", field.name, field.width)
        }
        Segment::Name | Segment::Attribute => "{\"name\"}".to_owned(),
        Segment::Rest => "{\"rest\"}".to_owned(),
    };
    layout.segments.iter().map(part).collect::<Vec<_>>().join(", ")
}

const HEAD: &str = r#"-- Dissector for the FUSE messages of fuserig in pcapng (LINKTYPE_USER0).
-- Made by `fuserig trace export --to pcapng --dissector FILE`; do not edit.
local fuse = Proto("fuserig_fuse", "FUSE message")
local f = fuse.fields
f.kind = ProtoField.uint8("fuse.kind", "Kind", base.DEC,
  {[0] = "request", [1] = "reply", [2] = "notification"})
f.opcode = ProtoField.uint16("fuse.opcode", "Operation number", base.DEC)
f.op = ProtoField.string("fuse.op", "Operation")
f.seq = ProtoField.uint64("fuse.seq", "Sequence", base.DEC)
f.len = ProtoField.uint32("fuse.len", "Length", base.DEC)
f.unique = ProtoField.uint64("fuse.unique", "Unique", base.DEC)
f.nodeid = ProtoField.uint64("fuse.nodeid", "Node", base.DEC)
f.uid = ProtoField.uint32("fuse.uid", "User", base.DEC)
f.gid = ProtoField.uint32("fuse.gid", "Group", base.DEC)
f.pid = ProtoField.uint32("fuse.pid", "Process", base.DEC)
f.error = ProtoField.int32("fuse.error", "Error", base.DEC)
f.name = ProtoField.string("fuse.name", "Name")
f.field = ProtoField.string("fuse.field", "Field")
f.data = ProtoField.bytes("fuse.data", "Data")
"#;

const TAIL: &str = r#"
local function number(range, width)
  if width == 8 then return range:le_uint64() end
  return range:le_uint()
end

local function body(parts, buffer, at, tree)
  for _, part in ipairs(parts or {}) do
    local left = buffer:len() - at
    if left <= 0 then return at end
    if part[1] == "name" then
      local text = buffer(at):stringz()
      local length = math.min(#text + 1, left)
      tree:add(f.name, buffer(at, length), text)
      at = at + length
    elseif part[1] == "rest" then
      return at
    else
      if left < part[2] then return at end
      local range = buffer(at, part[2])
      local value = number(range, part[2])
      local shown = tostring(value)
      if part[3] ~= "d" and part[2] < 8 then
        shown = string.format(part[3] == "o" and "0%o" or "0x%x", value)
      elseif part[3] ~= "d" then
        shown = "0x" .. value:tohex()
      end
      tree:add(f.field, range, part[1] .. "=" .. shown)
      at = at + part[2]
    end
  end
  return at
end

function fuse.dissector(buffer, pinfo, root)
  if buffer:len() < 16 then return 0 end
  local tree = root:add(fuse, buffer())
  local kind = buffer(1, 1):le_uint()
  local opcode = buffer(2, 2):le_uint()
  local op = ops[opcode] or ("op#" .. opcode)
  pinfo.cols.protocol = "FUSE"
  tree:add(f.kind, buffer(1, 1))
  tree:add_le(f.opcode, buffer(2, 2))
  tree:add(f.op, buffer(2, 2), op)
  tree:add_le(f.seq, buffer(8, 8))
  local at = 16
  if kind == 0 then
    if buffer:len() < at + 40 then return buffer:len() end
    tree:add_le(f.len, buffer(at, 4))
    tree:add_le(f.unique, buffer(at + 8, 8))
    tree:add_le(f.nodeid, buffer(at + 16, 8))
    tree:add_le(f.uid, buffer(at + 24, 4))
    tree:add_le(f.gid, buffer(at + 28, 4))
    tree:add_le(f.pid, buffer(at + 32, 4))
    pinfo.cols.info = op .. " node " .. tostring(buffer(at + 16, 8):le_uint64())
    at = body(requests[op], buffer, at + 40, tree)
  else
    if buffer:len() < at + 16 then return buffer:len() end
    tree:add_le(f.len, buffer(at, 4))
    tree:add_le(f.error, buffer(at + 4, 4))
    tree:add_le(f.unique, buffer(at + 8, 8))
    local error = buffer(at + 4, 4):le_int()
    pinfo.cols.info = op .. (kind == 1 and " reply " or " notification ") .. error
    if kind == 1 and error == 0 then
      at = body(replies[op], buffer, at + 16, tree)
    else
      at = at + 16
    end
  end
  if at < buffer:len() then tree:add(f.data, buffer(at)) end
  return buffer:len()
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, fuse)
"#;
