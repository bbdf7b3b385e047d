"""Clients that collect a mailbox, fetchmail and getmail, and imapflow, which mail programs written for Node.js use; two of them at
a time on one account."""
import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from harness import DOMAIN, PASSWORD, TOP, Server, ServerTest, body_is_whole, message


def npm_modules():
    """The directory of the packages that tests/npm names, fetched once into build/npm; skips the test where that cannot be."""
    if not shutil.which("npm"):
        raise unittest.SkipTest("npm is not installed")
    root = TOP / "build/npm"
    root.mkdir(parents=True, exist_ok=True)
    wanted = (TOP / "tests/npm/package-lock.json").read_bytes()
    done = root / "installed"
    if not done.exists() or done.read_bytes() != wanted:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(TOP / "tests/npm" / name, root / name)
        ran = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=root, capture_output=True, text=True, timeout=300)
        if ran.returncode != 0:
            raise unittest.SkipTest(f"npm cannot fetch what tests/npm names: {ran.stderr[-300:]}")
        done.write_bytes(wanted)
    return root / "node_modules"


class Collector:
    """A program that collects INBOX over TLS, files each message with a command, and removes what it has."""

    def __init__(self, test, user, directory):
        self.test, self.user, self.directory = test, user, Path(directory, type(self).__name__)
        self.into = self.directory / "mail"
        self.into.mkdir(parents=True)
        self.command = f"cat >$(mktemp {self.into}/XXXXXXXX)"

    def messages(self):
        """With the line ends of mail, and without the fields that are put in front."""
        texts = [path.read_text().replace("\n", "\r\n").replace("Message-ID: \r\n", "Message-ID:") for path in self.into.iterdir()]
        return [text[text.index("From: sender@"):] for text in texts]


class Fetchmail(Collector):
    def run(self, status=0):
        config = self.directory / "fetchmailrc"
        config.write_text(f"""
set no bouncemail
poll "127.0.0.1" protocol IMAP service {self.test.server.port('imaps')}
  user "{self.user}@{DOMAIN}" password "{PASSWORD}"
  ssl, no sslcertck, fetchall, no keep, no rewrite
  mda "/bin/sh -c '{self.command}'"
""")
        config.chmod(0o600)
        return self.test.run_client("fetchmail", "-v", "-f", config, "-i", self.directory / "ids", "--pidfile",
                                    self.directory / "pid", status=status, timeout=120,
                                    env={**os.environ, "HOME": str(self.directory), "LC_ALL": "C"})


class Getmail(Collector):
    def run(self, status=0):
        (self.directory / "getmailrc").write_text(f"""
[retriever]
type = SimpleIMAPSSLRetriever
server = 127.0.0.1
port = {self.test.server.port('imaps')}
username = {self.user}@{DOMAIN}
password = {PASSWORD}
mailboxes = ("INBOX",)

[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "{self.command}")
allow_root_commands = true

[options]
delete = true
delivered_to = false
received = false
""")
        return self.test.run_client("getmail", "--getmaildir", self.directory, "--rcfile", "getmailrc", status=status, timeout=120)


class Collectors(ServerTest):
    users = 4

    def collected(self, client, user):
        """Twenty messages, one of them large, come whole and once, and INBOX is empty afterwards."""
        for number in range(19):
            self.server.send(message(number), to=user)
        self.server.send(message(19, 2_000_000), to=user)
        client.run()
        texts = client.messages()
        self.assertEqual(len(texts), 20)
        self.assertEqual(len({text.partition("Message-ID: ")[2].partition("\r\n")[0] for text in texts}), 20)
        for text in texts:
            self.assertTrue(body_is_whole(text), text[:500])
        with self.server.imap(user) as look:
            self.assertEqual(look.select("INBOX")[1], [b"0"])

    def test_fetchmail_collects_everything_once(self):
        with tempfile.TemporaryDirectory() as directory:
            client = Fetchmail(self, "u1", directory)
            self.collected(client, "u1")
            client.run(status=1)  # its word for "no mail"
            self.assertEqual(len(client.messages()), 20)

    def test_getmail_collects_everything_once(self):
        with tempfile.TemporaryDirectory() as directory:
            client = Getmail(self, "u2", directory)
            self.collected(client, "u2")
            client.run()
            self.assertEqual(len(client.messages()), 20)

    def test_two_collectors_at_once_lose_nothing(self):
        """Both see the same messages; what the one removes under the hands of the other is in the hands of the one."""
        count = 60
        for number in range(count):
            self.server.send(message(number, 20_000), to="u3")
        with tempfile.TemporaryDirectory() as directory:
            clients = [Fetchmail(self, "u3", directory), Getmail(self, "u3", directory)]
            # Either may stumble over what the other has removed; it says so and comes again.
            threads = [threading.Thread(target=client.run, kwargs={"status": None}) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            clients[1].run()
            texts = [text for client in clients for text in client.messages()]
        found = {text.partition("Message-ID: <")[2].partition(".")[0] for text in texts if body_is_whole(text)}
        self.assertEqual(found, {str(number) for number in range(count)})
        with self.server.imap("u3") as look:
            self.assertEqual(look.select("INBOX")[1], [b"0"])


# What a mail program does in a day; prints a JSON object with what it saw.
IMAPFLOW = r"""
const { ImapFlow } = require('imapflow');
const [port, user, pass, story, resync] = process.argv.slice(1);
const client = new ImapFlow({host: '127.0.0.1', port: Number(port), secure: true, auth: {user, pass}, logger: false,
                             tls: {rejectUnauthorized: false}, qresync: resync === 'qresync'});
const seen = {};
const stories = {
  async day() {
    seen.capabilities = [...client.capabilities.keys()];
    seen.enabled = [...client.enabled];
    seen.created = (await client.mailboxCreate(['Reise', 'Zürich 2026'])).path;
    seen.list = (await client.list({statusQuery: {messages: true, unseen: true}})).map(
      box => [box.path, box.specialUse || '', box.status ? box.status.messages : null]);
    const text = 'From: ann@example.test\r\nTo: bob@example.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n' +
      'Message-ID: <flow@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n' +
      '--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHallo Zürich\r\n' +
      '--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\n' +
      Buffer.alloc(300000, 7).toString('base64').replace(/(.{76})/g, '$1\r\n') + '\r\n--b--\r\n';
    const appended = await client.append('INBOX', text, ['\\Seen', '$Label1'], new Date(1700000000000));
    seen.appended = appended.uid;
    const lock = await client.getMailboxLock('INBOX');
    try {
      seen.exists = client.mailbox.exists;
      const one = await client.fetchOne(String(appended.uid), {envelope: true, bodyStructure: true, flags: true, internalDate: true,
                                                               threadId: true, size: true, source: true}, {uid: true});
      seen.subject = one.envelope.subject;
      seen.flags = [...one.flags].sort();
      seen.date = new Date(one.internalDate).getTime();
      seen.emailId = Boolean(one.emailId);
      seen.same = one.source.toString() === text && one.size === Buffer.byteLength(text);
      seen.attachment = one.bodyStructure.childNodes[1].dispositionParameters.filename;
      const { content } = await client.download(String(appended.uid), '2', {uid: true});
      let bytes = 0, sevens = true;
      for await (const piece of content) { bytes += piece.length; sevens = sevens && piece.every(byte => byte === 7); }
      seen.downloaded = [bytes, sevens];
      seen.found = await client.search({subject: 'Grüße', header: {'message-id': 'flow'}}, {uid: true});
      seen.body = await client.search({body: 'hallo zürich'}, {uid: true});
      await client.messageFlagsAdd({uid: appended.uid}, ['\\Flagged'], {uid: true});
      await client.messageFlagsRemove({uid: appended.uid}, ['$Label1'], {uid: true});
      seen.changed = [...(await client.fetchOne(String(appended.uid), {flags: true}, {uid: true})).flags].sort();
      const moved = await client.messageMove(String(appended.uid), seen.created, {uid: true});
      seen.moved = moved.uidMap.get(appended.uid);
    } finally {
      lock.release();
    }
    seen.status = await client.status(seen.created, {messages: true, unseen: true, uidNext: true, highestModseq: true});
    seen.status.highestModseq = Number(seen.status.highestModseq) > 0;
    seen.quota = (await client.getQuota('INBOX')).storage.limit > 0;
    await client.mailboxRename(seen.created, ['Reise', 'Genève']);
    await client.mailboxDelete(['Reise', 'Genève']);
    seen.after = (await client.list()).map(box => box.path).sort();
  },
  // Looks on, in IDLE, while others work; ends when it was told that twenty messages are gone.
  async watch() {
    await client.mailboxOpen('INBOX');
    Object.assign(seen, {most: 0, expunged: 0, vanished: 0});
    await new Promise((resolve, reject) => {
      client.on('exists', event => { seen.most = Math.max(seen.most, event.count); });
      client.on('expunge', event => {
        seen[event.vanished ? 'vanished' : 'expunged'] += 1;
        if (seen.expunged + seen.vanished === 20) resolve();
      });
      client.on('close', () => reject(new Error('closed')));
      client.idle().catch(reject);
      console.error('watching');
    });
  },
};
client.connect().then(stories[story]).then(() => client.logout()).then(() => console.log(JSON.stringify(
  seen, (_, value) => typeof value === 'bigint' ? Number(value) : value))).catch(error => { console.error(error); process.exit(1); });
"""


class Imapflow(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.modules = npm_modules()
        super().setUpClass()

    def command(self, user, story, resync="qresync"):
        return ["node", "-e", IMAPFLOW, str(self.server.port("imaps")), f"{user}@{DOMAIN}", PASSWORD, story, resync]

    def environment(self):
        return {**os.environ, "NODE_PATH": str(self.modules)}

    def test_a_day_with_imapflow(self):
        done = subprocess.run(self.command("u1", "day"), capture_output=True, text=True, timeout=60, env=self.environment())
        self.assertEqual(done.returncode, 0, done.stderr + self.server.log()[-2000:])
        seen = json.loads(done.stdout)
        self.assertIn("CONDSTORE", seen["enabled"])
        self.assertEqual(seen["created"], "Reise/Zürich 2026")
        boxes = {path: (use, count) for path, use, count in seen["list"]}
        self.assertEqual(boxes["Sent"], ("\\Sent", 0))
        self.assertEqual(boxes["Reise/Zürich 2026"], ("", 0))
        self.assertEqual((seen["appended"], seen["exists"], seen["subject"]), (1, 1, "Grüße"))
        self.assertEqual(seen["flags"], ["$Label1", "\\Seen"])
        self.assertEqual(seen["date"], 1_700_000_000_000)
        self.assertTrue(seen["same"] and seen["emailId"] and seen["quota"])
        self.assertEqual((seen["attachment"], seen["downloaded"]), ("a.pdf", [300_000, True]))
        self.assertEqual((seen["found"], seen["body"]), ([1], [1]))
        self.assertEqual(seen["changed"], ["\\Flagged", "\\Seen"])
        self.assertEqual(seen["moved"], 1)
        self.assertEqual(seen["status"], {"path": "Reise/Zürich 2026", "messages": 1, "unseen": 0, "uidNext": 2, "highestModseq": True})
        self.assertNotIn("Reise/Genève", seen["after"])
        # It goes on compressed as soon as it may (RFC 4978).
        self.assertIn("imap.compress", self.server.log())

    def test_imapflow_looks_on_while_another_collects(self):
        """With QRESYNC it is told by VANISHED, without by EXPUNGE; each message once."""
        for story, resync, told in ((Fetchmail, "qresync", "vanished"), (Getmail, "", "expunged")):
            with self.subTest(story.__name__), tempfile.TemporaryDirectory() as directory:
                watcher = subprocess.Popen(self.command("u2", "watch", resync), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                           env=self.environment())
                try:
                    self.assertEqual(watcher.stderr.readline(), "watching\n")
                    for number in range(20):
                        self.server.send(message(number), to="u2")
                    client = story(self, "u2", directory)
                    client.run()
                    self.assertEqual(len(client.messages()), 20)
                    out, error = watcher.communicate(timeout=30)
                finally:
                    watcher.kill()
                    watcher.wait()
                self.assertEqual(watcher.returncode, 0, error)
                self.assertEqual(json.loads(out), {"most": 20, "expunged": 0, "vanished": 0, told: 20})


if __name__ == "__main__":
    unittest.main()
