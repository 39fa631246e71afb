"""The table of diagnostic codes: `bigcode explain CODE` and docs/errors are made from it.

Exit codes: 1 run failed, 2 usage, 3 invalid specs or consent missing, 5 gate refused, 6 stale plan,
7 reference held, 8 evidence mismatch.
"""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    title: str
    exit: int
    explain: str


CODES: dict[str, Code] = {
    # E0xx: what the command was asked
    "E001": Code(
        "SPEC names nothing",
        2,
        "Pass a workspace folder, a file in one, or an address such as Dataset/name@1.0.0 with -w.",
    ),
    "E002": Code(
        "SPEC names several workspaces",
        2,
        "A workspace is a folder with exactly one Project. Name one of the folders listed.",
    ),
    "E003": Code("unknown address", 2, "No resource of the workspace has this kind, name and version."),
    "E004": Code(
        "unknown command or topic",
        2,
        "`bigcode --help` lists the commands; `bigcode explain` takes an address, a node or a code.",
    ),
    # E1xx: the text of a spec
    "E101": Code("not YAML", 3, "The file cannot be read as YAML. The place is where the reader gave up."),
    "E102": Code(
        "duplicate key", 3, "A mapping holds the same key twice; YAML would keep the last one silently."
    ),
    "E103": Code("tab", 3, "YAML forbids tabs for indentation; use spaces."),
    "E104": Code(
        "unknown field", 3, "The schema has no such field. `bigcode schema KIND` prints the fields."
    ),
    "E105": Code(
        "wrong type or unit", 3, "The value does not have the type or the unit that the field asks for."
    ),
    "E106": Code("missing field", 3, "A field without a default is absent."),
    "E107": Code(
        "ambiguous boolean",
        3,
        "YAML 1.1 reads yes, no, on and off as booleans. Write true or false, or quote the text.",
    ),
    "E108": Code("not UTF-8", 3, "Spec files are UTF-8 text."),
    "E109": Code("unreadable file", 3, "The file exists but cannot be opened."),
    # E2xx: resources and their references
    "E201": Code("unknown kind", 3, "`bigcode schema` lists the kinds."),
    "E202": Code("dangling reference", 3, "The reference names no resource of this workspace."),
    "E203": Code(
        "overlay touches identity",
        3,
        "Overlays may set Runtime fields only; identity belongs to the spec under review.",
    ),
    "E204": Code("cyclic reference", 3, "Resources refer to one another in a circle."),
    "E205": Code("duplicate resource", 3, "Two files declare the same kind, name and version."),
    "E206": Code(
        "unresolved interpolation", 3, "Only ${vars.NAME} is read, from vars.yaml of the workspace."
    ),
    "E207": Code("no Project, or several", 3, "A workspace holds exactly one Project."),
    "E208": Code(
        "ambiguous reference", 3, "The reference leaves out the version and several versions exist."
    ),
    "E209": Code("decision record", 3, "The record of a decision is missing, unsigned, or does not parse."),
    "E210": Code(
        "released version is frozen", 3, "An edit of a released version: copy the file and raise its version."
    ),
    "E211": Code(
        "lifecycle incomplete",
        3,
        "A superseded version names its successor; one that is retired or withdrawn says why and since when.",
    ),
    # E3xx: plugins
    "E301": Code(
        "name claimed twice", 3, "Two plugins claim one plugin or component name; neither is loaded."
    ),
    "E302": Code(
        "unknown component",
        3,
        "No loaded plugin offers the component; `bigcode plugins list` shows what is there.",
    ),
    "E303": Code("broken plugin", 3, "The plugin raised while it was imported, and a spec uses it."),
    "E304": Code("incompatible plugin", 3, "The plugin asks for another version of bigcode.api."),
    "E305": Code("component in the wrong place", 3, "The component exists but cannot fill this slot."),
    "E306": Code(
        "behaviour version",
        3,
        "The spec asks for a behaviour version that the installed plugin does not offer.",
    ),
    "E307": Code(
        "not offered yet",
        3,
        "The field is part of the language; no step of this version would honour it. It is refused, not ignored.",
    ),
    "E311": Code("sibling", 3, "A sibling dataset lacks what its kind needs, or disagrees with its dataset."),
    # E4xx: consent
    "E401": Code(
        "opt-out list missing",
        3,
        "The list file of the opt-out snapshot is not there. The build stops before anything is written.",
    ),
    "E402": Code("opt-out list unsigned", 3, "The list has no signature. Seal it: `bigcode optout seal`."),
    "E403": Code("opt-out list altered", 3, "The list does not match the pin or the signature in the spec."),
    "E404": Code(
        "opt-out list malformed", 3, "The list does not have the form that `bigcode optout` writes."
    ),
    "E405": Code(
        "opt-out key",
        3,
        "The key that signs or verifies opt-out lists is missing or unreadable. `bigcode optout key` makes one.",
    ),
    "E406": Code("opt-out snapshot stale", 5, "The snapshot is older than the release allows."),
    "E407": Code(
        "opted-out file written",
        1,
        "A written shard holds a file that the opt-outs take out. This is a fault; nothing of it is released.",
    ),
    # E5xx: the run and the store
    "E501": Code(
        "two results for one key",
        1,
        "A deterministic component gave two results for the same inputs; it depends on something that is not declared.",
    ),
    "E502": Code(
        "node failed",
        1,
        "A node of the run failed; what was finished is kept, and the next apply goes on from there.",
    ),
    "E503": Code(
        "corrupt object",
        1,
        "An object of the store does not match its digest; it was put aside and is computed again.",
    ),
    "E504": Code("object missing", 1, "The store does not hold an object that an action names."),
    "E505": Code(
        "reference held", 7, "Another run moved the reference at the same time. Run the command again."
    ),
    "E506": Code(
        "stale plan",
        6,
        "The workspace, the plugins or the store changed since the plan was made. Plan again.",
    ),
    "E507": Code(
        "nothing applied yet", 1, "The command reads what an apply recorded. Run `bigcode apply` first."
    ),
    "E508": Code(
        "process failed", 1, "A process node ended without a result; its log is named in the message."
    ),
    "E509": Code(
        "executor not available", 1, "The executor or launcher that the spec names is not installed here."
    ),
    "E510": Code("gate refused", 5, "A gate of the release is not met."),
    "E511": Code("store unreadable", 1, "The store was written by a newer version or is damaged."),
    "E512": Code(
        "object erased",
        1,
        "`bigcode purge` erased the object; its tombstone says why and as of when. Results that name it still stand.",
    ),
    "E513": Code(
        "content in use",
        1,
        "A dataset keeps a file whose content is to be purged. Opt it out and apply first, or retire that dataset.",
    ),
    "E514": Code(
        "retired or withdrawn",
        5,
        "The lifecycle of the resource says that it is used no more: nothing new is built from it or published.",
    ),
    "E515": Code(
        "disk too small",
        1,
        "By earlier runs, an apply would write more than the disk of the store has free. `bigcode gc` makes room.",
    ),
    "E516": Code(
        "state not kept",
        1,
        "The generation or release is not there, or `bigcode gc` took its tables; there is nothing to compare with.",
    ),
    # E6xx: facts and evidence
    "E601": Code("two values for one fact", 8, "One fact id has two values for one subject."),
    "E602": Code(
        "derived fact does not recompute", 8, "The formula over the recorded inputs gives another value."
    ),
    "E603": Code(
        "units do not fit", 8, "The units of a formula's terms do not combine to the unit declared."
    ),
    "E604": Code(
        "digest mismatch", 8, "A file of the bundle does not have the digest that the bundle lists."
    ),
    "E605": Code("file missing from bundle", 8, "The bundle lists a file that is not there."),
    "E606": Code("file not listed in bundle", 8, "The folder holds a file that the bundle does not list."),
    "E607": Code(
        "measured fact does not recompute", 8, "The query over the verdict tables gives another value."
    ),
    "E608": Code(
        "ledger does not reconcile", 8, "Files in do not equal files kept plus files dropped by reason."
    ),
    "E609": Code(
        "card prints what no fact holds",
        8,
        "A printed digit has no fact behind it, or a traced span differs from its fact.",
    ),
    "E610": Code(
        "declared and measured differ", 8, "A declared value differs from the measured one; both are shown."
    ),
    "E611": Code("not a bundle", 8, "The folder has no bundle.json that can be read."),
    "E612": Code("signature", 8, "The bundle's signature is missing, or was not made by the trusted key."),
    "E613": Code("unknown fact", 8, "A card or a formula names a fact that nothing records."),
    "E614": Code("shard mismatch", 8, "A released data file does not match the manifest."),
    # E7xx: collecting
    "E701": Code("download missing", 1, "The index does not have the pinned release."),
    "E702": Code("download altered", 1, "The release does not have the pinned sha256."),
    "E703": Code(
        "index unreachable",
        1,
        "The package index cannot be reached. Nothing was changed; run the command again when it can.",
    ),
    "E704": Code(
        "unsafe archive member",
        1,
        "A member of the archive was refused: traversal, a link, a device, or over the limits.",
    ),
    "E705": Code(
        "archive refused",
        1,
        "The archive as a whole was refused: unreadable, or over the limits on count, size or ratio.",
    ),
    "E706": Code(
        "file not readable as text", 1, "The file is not UTF-8 text and was left out of the snapshot."
    ),
    "E707": Code("empty snapshot", 1, "The snapshot holds no file. A dataset of nothing is refused."),
    "E708": Code("source not readable", 1, "The repository or table that the spec names cannot be read."),
    "E709": Code(
        "too many sources failed",
        1,
        "More sources of a snapshot cannot be had than it tolerates. `apply --refetch` asks for them again.",
    ),
    "E710": Code("snapshot differs from its pin", 1, "What was collected is not what Snapshot.pin names."),
    "E711": Code(
        "not rendered",
        1,
        "A kept file cannot be written in the form that export.render names; a rule must drop it.",
    ),
    # E8xx: licences and models
    "E801": Code(
        "restriction missing", 3, "A licence with flow-down must hold every restriction of its parent."
    ),
    "E802": Code("unknown restriction", 3, "The licence names a restriction that its base does not define."),
    "E803": Code("training diverged", 1, "The loss is not a number. The batch is named by its document ids."),
    "E804": Code("checkpoint altered", 1, "A checkpoint does not match its manifest and is not loaded."),
    "E805": Code("tokenizer mismatch", 1, "Token shards were made with another tokenizer."),
    "E806": Code(
        "no sandbox",
        1,
        "Programs that a model wrote run in a sandbox or not at all, and none can be had here. Nothing was run.",
    ),
    "E807": Code(
        "sandbox failed",
        1,
        "The sandbox broke, not the program in it. The evaluation ends without a result; run it again.",
    ),
    "E808": Code(
        "suite may be known",
        1,
        "The suite was not taken out of the data that the model was trained on, so that its score may be too high.",
    ),
    "E809": Code(
        "rank lost",
        1,
        "A rank of the training ended or never came. Run apply again: it goes on from the last checkpoint.",
    ),
    "E810": Code(
        "training stopped",
        1,
        "The training was told to stop, saved a checkpoint and ended. Run apply again to go on.",
    ),
    "E811": Code(
        "no such spread",
        1,
        "The model cannot be spread over ranks in the way that its Runtime fields ask for.",
    ),
    "E812": Code("training data altered", 1, "Token shards do not have the digests that their header names."),
    "E813": Code(
        "encoder differs",
        1,
        "The fast encoder gave other ids than the tokenizer itself. Nothing of its output is used.",
    ),
    "E814": Code(
        "harness not installed",
        1,
        "The evaluation harness that a suite adapts is not installed where it is looked for.",
    ),
}
