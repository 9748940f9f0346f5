"""Inputs of every kind become one stream of frames; what can't be read is named and the rest goes on."""

import http.server
import threading
import tracemalloc

import cv2
import numpy as np
import pytest

from handkd.inference import sources
from handkd.inference.sources import open_source
from handkd.inference.videos import VideoError, VideoInfo, VideoWriter

IMAGE = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / 'hands'
    folder.mkdir()
    for i, name in enumerate(['b.png', 'a.PNG', 'c.bmp', '.hidden.png']):
        cv2.imwrite(str(folder / name), IMAGE + i)
    (folder / 'notes.txt').write_text('no image')
    (folder / 'deep.png').mkdir()
    return folder


@pytest.fixture
def video(tmp_path):
    with VideoWriter(tmp_path / 'v.avi', 10) as writer:
        for value in (0, 50, 100):
            writer.write(np.full((16, 16, 3), value, np.uint8))
    return tmp_path / 'v.avi'


@pytest.fixture
def serve(tmp_path):
    """Serves a folder, and counts bytes; paths below 'short' end early, below 'refused' are forbidden."""
    site = tmp_path / 'site'
    site.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(site))

        def do_GET(self):
            if self.path.startswith('/short'):
                self.send_response(200)
                self.send_header('Content-Length', '1000')
                self.end_headers()
                self.wfile.write(b'abc')
            elif self.path.startswith('/endless'):
                self.send_response(200)
                self.end_headers()
                try:
                    for _ in range(1000):
                        self.wfile.write(bytes(1 << 16))
                except OSError:
                    pass
            elif self.path.startswith('/slow'):
                threading.Event().wait(0.5)
            else:
                super().do_GET()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.02})
    thread.start()
    yield site, f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    thread.join()
    server.server_close()


def names(frames):
    return [frame.name.rpartition('/')[2] for frame in frames]


def test_a_path(folder):
    source = open_source(folder / 'b.png')
    (frame,) = source
    np.testing.assert_array_equal(frame.pixels, IMAGE)
    assert source.count == 1
    assert (frame.error, frame.file, frame.number, frame.time) == (None, str(folder / 'b.png'), None, None)
    assert frame.name == frame.file and len(list(source)) == 1  # again from the start


def test_a_folder_is_sorted_and_has_only_images(folder):
    source = open_source(str(folder))
    assert names(source) == ['a.PNG', 'b.png', 'c.bmp'] and source.count == 3


def test_an_empty_folder_and_a_pattern_without_files_name_the_suffixes(tmp_path):
    (tmp_path / 'x').mkdir()
    with pytest.raises(ValueError, match=r"x': no image in this folder; expected files with \.jpg, \.jpeg, .*\.tiff$"):
        open_source(tmp_path / 'x')
    with pytest.raises(ValueError, match=r"no image or video matches '.*x/\*\.png'; expected files with \.jpg"):
        open_source(str(tmp_path / 'x' / '*.png'))


def test_a_pattern(folder, video):
    assert names(open_source(f'{folder}/[ab]*')) == ['a.PNG', 'b.png']
    assert names(open_source(f'{folder.parent}/**/*.p*')) == ['b.png']
    found = open_source(f'{folder.parent}/*/../v.*')
    assert names(found) == [f'v.avi, frame {i}' for i in range(3)] and found.count is None
    odd = folder / 'a[1].png'
    odd.write_bytes((folder / 'b.png').read_bytes())
    assert names(open_source(odd)) == ['a[1].png']  # an existing file is no pattern


def test_a_video(video):
    source = open_source(video)
    frames = list(source)
    assert source.count == 3 and [frame.number for frame in frames] == [0, 1, 2]
    np.testing.assert_allclose([frame.time for frame in frames], [0, 0.1, 0.2], atol=1e-3)
    assert {frame.video for frame in frames} == {VideoInfo(str(video), 10.0, 3)}
    assert [round(frame.pixels.mean(), -1) for frame in frames] == [0, 50, 100]


def test_a_broken_video_gives_its_frames_then_the_error_and_the_rest_is_read(video, folder):
    video.write_bytes(video.read_bytes()[:-600])
    (video.parent / 'text.mp4').write_text('text')
    frames = list(open_source([video, video.parent / 'text.mp4', folder / 'b.png']))
    good = [frame.error is None for frame in frames]
    assert good[-3:] == [False, False, True] and set(good[:-3]) <= {True}
    assert 'v.avi' in frames[-3].error and 'text.mp4' in frames[-2].error and frames[-1].pixels is not None


def test_a_camera(monkeypatch):
    class Camera:
        info = VideoInfo('webcam:3', 30.0)

        def __init__(self, index):
            assert index == 3

        def __iter__(self):
            for number in range(2):
                yield number, number / 30, IMAGE
            raise VideoError('webcam:3 gives no frame after 2')

    monkeypatch.setattr(sources, 'Webcam', Camera)
    first, second, last = open_source('webcam:3')
    assert (first.file, second.name, second.time) == ('webcam:3', 'webcam:3, frame 1', 1 / 30)
    assert last.error == 'webcam:3 gives no frame after 2' and last.pixels is None
    with pytest.raises(ValueError, match="'webcam:front': a camera is named by its number, as 'webcam:0'"):
        open_source('webcam:front')


def test_arrays_and_lists_of_everything(folder, video):
    (frame,) = open_source(IMAGE)
    assert frame.pixels is IMAGE and (frame.file, frame.name) == (None, 'the image')
    source = open_source([IMAGE, str(folder), video, folder / 'gone.png', IMAGE[..., 0]])
    frames = list(source)
    assert source.count is None and open_source([IMAGE, folder / 'b.png']).count == 2
    assert names(frames)[:5] == ['image 0', 'a.PNG', 'b.png', 'c.bmp', 'v.avi, frame 0']
    assert 'gone.png' in frames[-2].error
    assert frames[-1].error == 'image 4: an image must be BGR, uint8, (H, W, 3); found uint8 (12, 16)'


def test_unreadable_files_do_not_stop_the_others(folder):
    (folder / 'a.PNG').write_text('a text file named .png')
    cv2.imwrite(str(folder / 'c.bmp.png'), np.full((4, 4), 1000, np.uint16))
    (folder / 'empty').mkdir()
    frames = list(open_source([folder, folder / 'empty', 'ftp://x/a.png', folder / 'b.png']))
    errors = [frame.error for frame in frames if frame.error]
    assert all('\n' not in error for error in errors)
    for error, said in zip(errors, ['a.PNG', 'must be 8-bit', 'no image in this folder', 'only http://'], strict=True):
        assert said in error
    assert [frame.error is None for frame in frames] == [False, True, True, False, False, False, True]


def test_streams_are_read_lazily_and_in_constant_memory():
    made = []

    def camera():
        for i in range(300):
            made.append(i)
            yield np.full((100, 100, 3), i % 256, np.uint8)

    tracemalloc.start()
    frames = iter(open_source(camera()))
    for number, frame in enumerate(frames):
        assert (frame.number, frame.name, len(made)) == (number, f'frame {number}', number + 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert number == 299 and peak < 10 * 30000


def test_a_stream_of_paths_and_of_nonsense(folder):
    first, second = open_source(iter([str(folder / 'b.png'), folder / 'gone.png']))
    assert (first.number, first.file) == (0, str(folder / 'b.png')) and 'gone.png' in second.error
    with pytest.raises(ValueError, match='frame 0 must be an array or a path, found int'):
        list(open_source(iter([1])))


@pytest.mark.parametrize('inputs', [None, 3, b'a.png', {'a': 1}, [IMAGE, 4], [[IMAGE]]])
def test_other_inputs_are_refused_at_once(inputs):
    with pytest.raises(ValueError, match='found (NoneType|int|bytes|dict|list)$'):
        open_source(inputs)


def test_another_reader_is_used_for_files_videos_and_arrays(folder, video):
    def read(source):
        if isinstance(source, np.ndarray):
            raise ValueError('the network reads depth')
        return np.ones((2, 2), np.float32)

    first, *frames = open_source([folder / 'b.png', video, IMAGE], read)
    assert first.pixels.shape == (2, 2)
    assert [frame.error for frame in frames] == [
        *(f'{video}, frame {i}: the network reads depth' for i in range(3)),
        'image 2: the network reads depth',
    ]


def test_urls(serve, video):
    site, url = serve
    cv2.imwrite(str(site / 'a.png'), IMAGE)
    (site / 'v.avi').write_bytes(video.read_bytes())
    (site / 'text.png').write_text('text')
    (frame,) = open_source(f'{url}/a.png?size=3')
    np.testing.assert_array_equal(frame.pixels, IMAGE)
    assert frame.file == frame.name == f'{url}/a.png?size=3'
    frames = list(open_source([f'{url}/v.avi', f'{url}/text.png', f'{url}/gone.png']))
    assert [frame.name for frame in frames[:3]] == [f'{url}/v.avi, frame {i}' for i in range(3)]
    assert frames[0].video == VideoInfo(f'{url}/v.avi', 10.0, 3)
    assert f'{url}/text.png' in frames[3].error and 'handkd-' not in frames[3].error
    assert frames[4].error == f'{url}/gone.png: the server answers 404 File not found; check the address'


def test_downloads_are_limited(serve, monkeypatch):
    _, url = serve
    monkeypatch.setattr(sources, 'MAX_DOWNLOAD', 1 << 20)
    monkeypatch.setattr(sources, 'TIMEOUT', 0.2)
    for name, said in [
        ('short.png', r'the download ended after 3 of 1000 bytes'),
        ('endless.png', r'is larger than 1 MiB; save the file and give its path'),
        ('slow.png', 'was not downloaded: .*timed out'),
    ]:
        (frame,) = open_source(f'{url}/{name}')
        assert frame.pixels is None
        with pytest.raises(ValueError, match=f'^{url}/{name}: {said}'):
            raise ValueError(frame.error)
    for address in ('http://127.0.0.1:9/a.png', 'http://[bad/a.png', 'http://'):
        (frame,) = open_source(address)
        assert frame.error.startswith(f'{address}: was not downloaded: ') and '\n' not in frame.error
