"""Videos are read frame by frame and written so that a cancelled one is readable."""

import re
import struct

import cv2
import numpy as np
import pytest

from handkd.inference.videos import CODECS, DEFAULT_FPS, VideoError, VideoReader, VideoWriter, Webcam


def frames(number, height=48, width=64):
    """Images whose left half gets brighter, with a dark upper half."""
    for i in range(number):
        frame = np.zeros((height, width, 3), np.uint8)
        frame[:, : width // 2] = 5 * i
        frame[: height // 2] //= 2
        yield frame


def write(path, number=20, fps=12.5, size=(48, 64)):
    with VideoWriter(path, fps) as video:
        for frame in frames(number, *size):
            video.write(frame)
    return path


@pytest.mark.parametrize('suffix', CODECS)
def test_frames_numbers_and_times_come_back(tmp_path, suffix):
    reader = VideoReader(write(tmp_path / 'new' / f'hand{suffix}'))
    assert (reader.info.fps, reader.info.count) == (12.5, 20)
    for _ in range(2):  # from the start each time
        read = list(reader)
        assert [number for number, _, _ in read] == [*range(20)]
        np.testing.assert_allclose([seconds for _, seconds, _ in read], np.arange(20) / 12.5, atol=1e-3)
        for (_, _, pixels), frame in zip(read, frames(20)):
            assert pixels.dtype == np.uint8 and pixels.shape == frame.shape
            assert np.abs(pixels.astype(int) - frame).mean() < 4
    assert [path.name for path in (tmp_path / 'new').iterdir()] == [f'hand{suffix}']


def test_a_rotated_recording_is_upright(tmp_path):
    data = bytearray(write(tmp_path / 'a.mp4').read_bytes())
    at = data.index(b'tkhd') + 4 + 4 + 20 + 8 + 8  # ISO 14496-12: the track header's matrix, 16.16 and 2.30
    assert struct.unpack('>9i', data[at : at + 36]) == (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    data[at : at + 36] = struct.pack('>9i', 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    (tmp_path / 'turned.mp4').write_bytes(data)
    plain, turned = (list(VideoReader(tmp_path / name))[10][2] for name in ('a.mp4', 'turned.mp4'))
    np.testing.assert_array_equal(turned, np.rot90(plain, -1))


def test_a_file_that_breaks_off_gives_its_frames_and_then_an_error(tmp_path):
    data = write(tmp_path / 'a.avi').read_bytes()
    (tmp_path / 'cut.avi').write_bytes(data[: int(0.9 * len(data))])
    numbers = []
    with pytest.raises(VideoError, match=r"cut\.avi' breaks off after \d+ of 20 frames; ") as error:
        for number, _, _ in VideoReader(tmp_path / 'cut.avi'):
            numbers.append(number)
    assert '\n' not in str(error.value)
    assert numbers == [*range(len(numbers))] and 10 < len(numbers) < 20


@pytest.mark.parametrize('content', [b'', b'a text', 'cut'])
def test_a_file_without_frames_is_named_in_a_line(tmp_path, content, capfd):
    if content == 'cut':  # an MP4 has its index at the end
        content = write(tmp_path / 'a.mp4').read_bytes()[:-100]
    (tmp_path / 'b.mp4').write_bytes(content)
    with pytest.raises(VideoError, match=r"b\.mp4' is damaged or cut off, or no video") as error:
        VideoReader(tmp_path / 'b.mp4')
    assert '\n' not in str(error.value)
    assert capfd.readouterr() == ('', '')  # nothing of FFmpeg's own messages


def test_a_header_without_frames_is_an_error(tmp_path, monkeypatch):
    reader = VideoReader(write(tmp_path / 'a.mp4'))
    monkeypatch.setattr(cv2.VideoCapture, 'read', lambda capture: (False, None), raising=False)
    with pytest.raises(VideoError, match=r"a\.mp4': no frame of this video can be read"):
        list(reader)


def test_missing_files_folders_and_huge_frames_are_named(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r'gone\.mp4'):
        VideoReader(tmp_path / 'gone.mp4')
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
        VideoReader(tmp_path)
    monkeypatch.setattr('handkd.inference.videos.MAX_PIXELS', 3000)
    with pytest.raises(VideoError, match=r"a\.mp4' has frames of 64 x 48 .*make it smaller"):
        VideoReader(write(tmp_path / 'a.mp4'))


def test_a_missing_camera_is_named(capfd):
    with pytest.raises(VideoError, match='^webcam:77: no such camera'):
        Webcam(77)
    assert capfd.readouterr() == ('', '')


def test_an_interrupted_video_is_readable_under_its_name(tmp_path):
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / 'a.mp4') as video:
        for i, frame in enumerate(frames(20)):
            video.write(frame)
            assert not (tmp_path / 'a.mp4').exists()
            if i == 6:
                raise KeyboardInterrupt
    assert len(list(VideoReader(tmp_path / 'a.mp4'))) == 7 == video.count
    assert VideoReader(tmp_path / 'a.mp4').info.fps == DEFAULT_FPS
    assert len(list(tmp_path.iterdir())) == 1


def test_without_frames_no_file_is_made(tmp_path):
    with VideoWriter(tmp_path / 'a.mp4'):
        pass
    assert list(tmp_path.iterdir()) == []


def test_odd_sizes_lose_their_last_row_and_column(tmp_path):
    read = list(VideoReader(write(tmp_path / 'a.mp4', 3, size=(31, 45))))
    assert [pixels.shape for _, _, pixels in read] == 3 * [(30, 44, 3)]


def test_what_can_not_be_written_is_refused_in_a_line(tmp_path, capfd):
    with pytest.raises(ValueError, match=r"a\.mp5': a video can not be written with this suffix; did you mean '\.mp4'"):
        VideoWriter(tmp_path / 'a.mp5')
    with pytest.raises(ValueError, match=r"a\.mp4': fps must be above 0 and at most 1000, found nan"):
        VideoWriter(tmp_path / 'a.mp4', float('nan'))
    with VideoWriter(tmp_path / 'a.mp4') as video:
        with pytest.raises(ValueError, match=r'a frame must be BGR, uint8, \(H, W, 3\); found float64'):
            video.write(np.zeros((8, 8, 3)))
        video.write(np.zeros((8, 8, 3), np.uint8))
        with pytest.raises(ValueError, match=r'frames must have one size, found \(10, 8\) after \(8, 8\)'):
            video.write(np.zeros((8, 10, 3), np.uint8))
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='file'), VideoWriter(tmp_path / 'file' / 'a.mp4') as video:
        video.write(np.zeros((8, 8, 3), np.uint8))
    assert capfd.readouterr() == ('', '')


def test_a_file_that_is_not_readable_afterwards_is_an_error(tmp_path):
    (tmp_path / 'a.mp4').write_bytes(b'old')
    video = VideoWriter(tmp_path / 'a.mp4')
    video.write(np.zeros((8, 8, 3), np.uint8))
    (temporary,) = (path for path in tmp_path.iterdir() if path.name != 'a.mp4')
    temporary.unlink()  # as if the disk were full
    with pytest.raises(OSError, match=r"a\.mp4': the video could not be written; free some space"):
        video.close()
    assert (tmp_path / 'a.mp4').read_bytes() == b'old'
