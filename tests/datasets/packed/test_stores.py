"""Files on bad servers: what is lost is asked for again, what is refused is said, and no wait is endless."""

import http.server
import threading
import zlib
from contextlib import contextmanager, suppress

import pytest

from handkd.datasets.packed import stores
from handkd.datasets.packed.stores import CheckedFile, Patience, open_url, read_whole

CONTENT = bytes(range(256)) * 1200
SIZE = len(CONTENT)
PATIENT = Patience(timeout=0.3, retries=3)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No pauses, no proxy, and tries that count however little was read."""
    monkeypatch.setattr(stores, '_FIRST_PAUSE', 0.001)
    monkeypatch.setenv('no_proxy', '127.0.0.1')


@contextmanager
def server(answer):
    """A server that answers the n-th request by ``answer(handler, n)``; gives its address and the requests."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(dict(self.headers))
            with suppress(BrokenPipeError, ConnectionResetError):
                answer(self, len(requests) - 1)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as running:
        running.daemon_threads, running.block_on_close = True, False
        threading.Thread(target=running.serve_forever, daemon=True).start()
        try:
            yield f'http://127.0.0.1:{running.server_port}/shard.tar', requests
        finally:
            running.shutdown()


def send(handler, body, status=200, length=None, **headers):
    handler.send_response(status)
    handler.send_header('Content-Length', str(len(body) if length is None else length))
    for key, value in headers.items():
        handler.send_header(key.replace('_', '-'), value)
    handler.end_headers()
    handler.wfile.write(body)


def rest(handler, knows_range=True):
    """Answer as a server that is well."""
    wanted = handler.headers.get('Range')
    if wanted is None or not knows_range:
        return send(handler, CONTENT)
    start = int(wanted.removeprefix('bytes=').rstrip('-'))
    size = len(CONTENT)
    return send(handler, CONTENT[start:], 206, Content_Range=f'bytes {start}-{size - 1}/{size}')


def read(url, patience=PATIENT, size=SIZE):
    with open_url(url, patience, size) as stream:
        checked = CheckedFile(stream, size, zlib.crc32(CONTENT))
        checked.finish()


def stall(handler, number):
    send(handler, CONTENT[:1000], length=len(CONTENT))
    threading.Event().wait(2)


def drip(handler, number):
    send(handler, b'', length=len(CONTENT))
    for place in range(40):
        handler.wfile.write(CONTENT[place : place + 1])
        handler.wfile.flush()
        threading.Event().wait(0.05)


def close(handler, number):
    handler.connection.close()


BAD = {
    'drops the connection': lambda handler, number: send(handler, CONTENT[:100_000], length=len(CONTENT)),
    'stalls': stall,
    'drips': drip,
    'answers nothing': close,
    'answers 500': lambda handler, number: send(handler, b'no', 500),
    'answers 429': lambda handler, number: send(handler, b'no', 429),
}


@pytest.mark.parametrize('knows_range', [True, False])
@pytest.mark.parametrize('bad', BAD)
def test_a_server_that_recovers_is_read_to_the_end(bad, knows_range):
    with server(lambda handler, n: BAD[bad](handler, n) if n < 2 else rest(handler, knows_range)) as (url, requests):
        read(url)
    assert len(requests) == 3
    assert ('Range' in requests[-1]) == (bad in ('drops the connection', 'stalls', 'drips'))


@pytest.mark.parametrize('bad', BAD)
def test_a_server_that_does_not_is_given_up_in_one_line(bad):
    with (
        server(BAD[bad]) as (url, requests),
        pytest.raises(OSError, match=r'shard\.tar: can not be read: \d consecutive tries .* the last one: ') as caught,
    ):
        read(url, Patience(0.2, 1))
    assert len(requests) <= 5 and '\n' not in str(caught.value)


def test_a_server_that_gives_bits_is_not_asked_for_ever():
    """Each connection gives something, but never enough for the tries to be counted anew."""
    with (
        server(lambda handler, n: BAD['drops the connection'](handler, n)) as (url, requests),
        pytest.raises(OSError, match='4 consecutive tries failed at byte 100000'),
    ):
        read(url)


@pytest.mark.parametrize(
    ('answer', 'message'),
    [
        (lambda handler, n: send(handler, b'', 404), 'the server answers HTTP Error 404'),
        (
            lambda handler, n: send(handler, b'', 302, Location='file:///etc/passwd'),
            'HTTP Error 302: .*file:///etc/passwd',
        ),
        (lambda handler, n: send(handler, b'', 302, Location='ftp://127.0.0.1/x'), 'HTTP Error 302: .*ftp://'),
        (lambda handler, n: send(handler, b'', 302, Location='/shard.tar'), 'infinite loop'),
        (lambda handler, n: send(handler, CONTENT + b'x'), 'expected 307200 bytes, the server has 307201'),
        (lambda handler, n: send(handler, CONTENT[:-1]), 'expected 307200 bytes, the server has 307199'),
        (lambda handler, n: send(handler, b'', 204), 'with status 204'),
    ],
)
def test_what_would_not_change_is_not_tried_again(answer, message):
    with server(answer) as (url, requests), pytest.raises(OSError, match=message):
        read(url)
    assert len(requests) == 1 or 'loop' in message


def test_a_redirection_to_a_file_is_not_read(tmp_path):
    (tmp_path / 'secret').write_bytes(CONTENT)
    with (
        server(lambda handler, n: send(handler, b'', 301, Location=f'file://{tmp_path}/secret')) as (url, _),
        pytest.raises(OSError, match='shard.tar: can not be read .*HTTP Error 301'),
    ):
        read_whole(url, PATIENT)


def test_too_much_without_a_length_is_refused():
    def answer(handler, number):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(CONTENT + b'more')

    with server(answer) as (url, _), pytest.raises(OSError, match='is longer than the size'):
        read(url)


def test_another_content_is_found_at_the_end():
    with (
        server(lambda handler, n: send(handler, CONTENT[:-1] + b'?')) as (url, _),
        pytest.raises(OSError, match='its content has changed since it was written'),
    ):
        read(url)


@pytest.mark.parametrize('begins', ['bytes 0-307199/307200', '', 'bytes x'])
def test_a_wrong_range_is_no_answer(begins):
    def answer(handler, number):
        if number == 0:
            return BAD['drops the connection'](handler, number)
        return send(handler, CONTENT[100_000:], 206, Content_Range=begins)

    with server(answer) as (url, _), pytest.raises(OSError, match='expected bytes from 100000 on'):
        read(url)


def test_local_files(tmp_path):
    path = tmp_path / 'a'
    path.write_bytes(CONTENT)
    read(str(path))
    assert read_whole(f'file://{path}', PATIENT) == CONTENT
    with pytest.raises(OSError, match=r'a: expected 5 bytes, found 307200'):
        read(str(path), size=5)
    with pytest.raises(OSError, match=r'none: can not be read \(.*No such file'):
        read_whole(str(tmp_path / 'none'), PATIENT)


@pytest.mark.parametrize('path', ['/dev/zero', '.'])
def test_what_is_no_file_is_refused(path):
    with pytest.raises(OSError, match='can not be read .*(not a regular file|Is a directory)'):
        read_whole(path, PATIENT)


@pytest.mark.parametrize('url', ['pipe:touch {}', 'pipe://touch {}', 's3://x; touch {}', 'scp://a$(touch {})/b', '-'])
def test_no_address_is_a_command(url, tmp_path):
    """The package webdataset hands some of these to a shell."""
    with pytest.raises(OSError, match='can not be read'):
        read_whole(url.format(tmp_path / 'run') + '/pack.json', PATIENT)
    assert not (tmp_path / 'run').exists()


def test_endless_files_are_not_read_whole(monkeypatch):
    monkeypatch.setattr(stores, '_MOST_AT_ONCE', 1000)

    def answer(handler, number):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(CONTENT)

    with server(answer) as (url, _), pytest.raises(OSError, match='at most 1000 bytes'):
        read_whole(url, PATIENT)
