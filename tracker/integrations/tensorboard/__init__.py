"""TensorBoard: folders of event files, read without TensorFlow and without protobuf.

From a file to a journal: `framing` finds records and checks them (`checksum`), `wire` reads the
few protobuf fields that matter, `tensors` what stands in a tensor, `translation` makes events of
them, `taking` appends those once, `folder` says which folders are runs, `imports` does so for all.

A run is a folder with event files in it, as it is for TensorBoard. Its id is the first 32 hex
digits of the SHA-256 of "tensorboard", a NUL and the folder's whole path, links followed: the same
folder is the same run, and one that was moved is another.
"""
