"""Faults of the safety code for `tests/mutants.py`: name, file, what stands there, what is planted, and the
test that dies of it."""

from __future__ import annotations

CHECKPOINTS = "itportrait_core/checkpoints"
ATOMIC, HEADER, JSON = (f"{CHECKPOINTS}/{name}.py" for name in ("atomic", "tensor_header", "plain_json"))
FILE, SWEEPING, NAMES = (f"{CHECKPOINTS}/{name}.py" for name in ("tensor_file", "sweeping", "names"))
DOOR, FOLDERS, RESULTS = (f"nodes/{name}.py" for name in ("door", "folders", "results"))

SAFETY = (
    (
        "names: two dots are a name", NAMES, 'in ("", ".", "..") or not _PLAIN.fullmatch(part)', "== ''",
        "nodes/test_folders.py::test_names_that_lead_out_or_break_are_refused",
    ),
    (
        "names: letters are counted", NAMES, "max(len(part.encode())", "max(len(part)",
        "nodes/test_folders.py::test_names_that_lead_out_or_break_are_refused",
    ),
    (
        "names: a way out through a link", FOLDERS,
        "file.relative_to(os.path.abspath(folder_paths.get_directory_by_type(kind)))",
        "file.resolve().relative_to(os.path.abspath(folder_paths.get_directory_by_type(kind)))",
        "nodes/test_folders.py::test_folders_that_are_links_are_the_owners_will",
    ),
    (
        "names: models lie anywhere", FOLDERS, "    if file is None:\n        places",
        "    if file is None and not os.path.isfile(name):\n        places",
        "nodes/test_folders.py::test_models_outside_the_model_folders_are_not_found",
    ),
    (
        "cards: numbers may be infinite", JSON,
        "if finite and isinstance(item, float) and not math.isfinite(item)", "if False",
        "test_crafted_files.py::test_cards_with_numbers_that_are_not_finite_are_refused",
    ),
    (
        "files: any kind is a resume point", "itportrait_core/methods/shared/storage.py",
        'if header.get("kind") != kind:', "if False:",
        "test_crafted_files.py::test_a_damaged_resume_point_is_set_aside_and_the_run_begins_anew",
    ),
    (
        "pickles: arrays of any size", f"{CHECKPOINTS}/pickle_numpy.py",
        "if count * kind.dtype.itemsize != data.nbytes or len(shape) > 16:", "if False:",
        "test_crafted_files.py::test_arrays_of_another_size_than_their_bytes_are_refused",
    ),
    (
        "pickles: views leave their storage", f"{CHECKPOINTS}/stored.py",
        "if count > storage.numel or last >= max(storage.numel, 1):", "if False:",
        "test_hostile_pickles.py::test_hostile_files_are_refused_by_name_and_run_nothing",
    ),
    (
        "writer: two may hold one draft", ATOMIC,
        "os.O_CREAT | os.O_EXCL | os.O_RDWR", "os.O_CREAT | os.O_RDWR",
        "test_atomic.py::test_a_name_that_is_being_written_is_nobody_elses",
    ),
    (
        "writer: a name that was taken is replaced", ATOMIC,
        "os.link(draft, path)", "os.replace(draft, path)",
        "test_atomic.py::test_what_another_program_made_meanwhile_is_not_replaced",
    ),
    (
        "writer: the name comes before the disk", ATOMIC,
        "_sync(draft)\n            os.replace(draft, path)", "os.replace(draft, path)",
        "test_atomic.py::test_files_reach_the_disk_before_they_have_their_name",
    ),
    (
        "writer: drafts stay", ATOMIC, "        draft.unlink(missing_ok=True)", "        pass",
        "test_atomic.py::test_a_full_disk_names_the_file_and_leaves_nothing",
    ),
    (
        "sweep: drafts of the living go", SWEEPING,
        "fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass",
        "test_atomic.py::test_a_killed_save_leaves_a_draft_that_is_swept_when_nobody_holds_it",
    ),
    (
        "sweep: drafts go on their first day", SWEEPING, "st_mtime < age:", "st_mtime < 0:",
        "test_atomic.py::test_a_killed_save_leaves_a_draft_that_is_swept_when_nobody_holds_it",
    ),
    (
        "tensors: a file may end early", FILE, "if done < len(data):", "if False:",
        "test_tensor_file.py::test_a_file_that_is_cut_while_it_is_read_is_an_error_and_no_crash",
    ),
    (
        "tensors: they may overlap", HEADER, "if entry.start != expected:", "if False:",
        "test_tensor_file.py::test_damaged_headers_are_refused",
    ),
    (
        "tensors: NaN is a weight", FILE, "not bool(torch.isfinite(values).all())", "False",
        "test_tensor_file.py::test_values_that_are_not_finite_are_refused_by_name",
    ),
    (
        "json: it may take any memory", JSON, "if cost > MOST_MEMORY:", "if False:",
        "test_crafted_files.py::test_json_that_would_take_much_memory_or_is_deep_is_refused",
    ),
    (
        "json: it may be deep", JSON, "for _ in range(DEEPEST):", "for _ in range(9 * DEEPEST):",
        "test_crafted_files.py::test_json_that_would_take_much_memory_or_is_deep_is_refused",
    ),
    (
        "door: nan is a number", DOOR, "is_finite(value) and _within(item, value)", "True",
        "nodes/test_door.py::test_no_number_input_takes_what_is_no_number",
    ),
    (
        "door: inputs among others pass", DOOR, "for name in rest:", "for name in rest[:0]:",
        "nodes/test_door.py::test_the_check_stands_before_every_input_of_every_node",
    ),
    (
        "route: sandboxed pages may ask", "nodes/stopping.py", 'headers.get("Origin") != "null" and', "",
        "nodes/test_results.py::test_only_the_editors_page_stops_a_training",
    ),
    (
        "results: what could not be written is gone", RESULTS, "_unsaved[key] = made\n", "pass\n",
        "nodes/test_results.py::test_a_result_that_cannot_be_written_is_not_made_twice",
    ),
    (
        "clip: any name is an architecture", "itportrait_core/guidance/clip.py",
        "if name not in open_clip.list_models():", "if False:",
        "test_clip.py::test_architectures_come_from_open_clips_list_alone",
    ),
    (
        "privacy: typed texts stay", "itportrait_core/recipes/privacy.py",
        "if key not in NAME_FACTS and key not in TEXT_FACTS", "if key not in NAME_FACTS",
        "test_recipes_privacy.py::test_with_metadata_disabled_nothing_typed_is_left",
    ),
)  # fmt: skip
