"""A person's afternoon with Thunderbird, over TLS and STARTTLS, with another client at the same account."""
import email
import email.policy
import shutil
import unittest

from harness import DOMAIN, Server, message
from thunderbird import Thunderbird

GET_MAIL = "await finished(l => server.getNewMessages(inbox() || server.rootFolder, null, l));"

READ = """
    const read = header => new Promise((resolve, reject) => {
      const uri = header.folder.getUriForMsg(header), chunks = [];
      MailServices.messageServiceFromURI(uri).streamMessage(uri, {
        QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]),
        onStartRequest() {},
        onDataAvailable(request, stream, offset, count) {
          const input = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
          input.setInputStream(stream);
          chunks.push(input.readBytes(count));
        },
        onStopRequest(request, status) { status ? reject(new Error("status " + status)) : resolve(chunks.join("")); },
      }, null, null, false, "");
    });
"""

SEND = """
    const [from, to, subject, body] = args;
    const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
    Object.assign(fields, { from, to, subject });
    const identity = MailServices.accounts.accounts[0].defaultIdentity;
    await new Promise((resolve, reject) => {
      const listener = {
        QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener", "nsIMsgCopyServiceListener"]),
        onStartSending() {}, onSendProgress() {}, onStatus() {}, onSendNotPerformed() { reject(new Error("not sent")); },
        onStopSending(id, status) { if (status) reject(new Error("not sent, status " + status.toString(16))); },
        onGetDraftFolderURI() {}, onTransportSecurityError() { reject(new Error("TLS")); },
        onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return null; },
        onStopCopy(status) { status ? reject(new Error("no copy, status " + status.toString(16))) : resolve(); },
      };
      Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend).createAndSendMessage(
        null, identity, "account1", fields, false, false, Ci.nsIMsgCompDeliverMode.Now, null, "text/plain", body, null, null, listener, "", "",
        Ci.nsIMsgCompType.New).catch(reject);
    });
"""

SEARCH = """
    const search = (where, attribute, words) => new Promise((resolve, reject) => {
      const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession), found = [];
      session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, where);
      const term = session.createTerm(), value = term.value;
      value.attrib = term.attrib = attribute;
      value.str = words;
      Object.assign(term, { value, op: Ci.nsMsgSearchOp.Contains, booleanAnd: true });
      session.appendTerm(term);
      session.registerListener({
        onNewSearch() {}, onSearchHit(header) { found.push(header.mime2DecodedSubject); },
        onSearchDone(status) { status ? reject(new Error("status " + status)) : resolve(found.sort()); },
      });
      session.search(null);
    });
"""


def require_thunderbird():
    if not shutil.which("thunderbird"):
        raise unittest.SkipTest("Thunderbird is not installed")


class Afternoon(unittest.TestCase):
    def setUp(self):
        require_thunderbird()
        self.server = Server()
        self.addCleanup(self.server.remove)
        self.server.start()

    def subjects(self, user, mailbox):
        """Subject -> flags, as another client sees them."""
        with self.server.imap(user) as client:
            self.assertEqual(client.select(mailbox, readonly=True)[0], "OK")
            _, data = client.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            return {item[1].decode().partition(":")[2].strip(): item[0].decode().partition("FLAGS (")[2].partition(")")[0].split()
                    for item in data if isinstance(item, tuple)}

    def test_over_tls_from_the_first_byte(self):
        for number in range(4):
            self.server.send(message(number, size=3000, subject="news"))
        with Thunderbird(self.server) as thunderbird:
            self.assertEqual(thunderbird.run(GET_MAIL + "return messages(inbox()).map(m => m.subject).sort();"),
                             [f"news {number}" for number in range(4)])
            self.read_and_sort(thunderbird)
            self.new_folder(thunderbird)
            self.news_come_by_themselves(thunderbird)
            self.write(thunderbird, implicit=True)

    def test_over_starttls(self):
        self.server.send(message(1, subject="news"))
        with Thunderbird(self.server, implicit_tls=False) as thunderbird:
            self.assertEqual(thunderbird.run(GET_MAIL + "return messages(inbox()).map(m => m.subject);"), ["news 1"])
            self.write(thunderbird, implicit=False)
        self.assertRegex(self.server.log(), "imap.login server=imap .*tls=TLSv1.3")

    def read_and_sort(self, thunderbird):
        text = thunderbird.run(READ + """
            const header = messages(inbox()).find(m => m.subject == "news 2");
            const text = await read(header);
            inbox().markMessagesRead([header], true);
            inbox().markMessagesFlagged([header], true);
            const others = messages(inbox()).filter(m => m.subject != "news 2").sort((a, b) => a.subject < b.subject ? -1 : 1);
            await finished(l => MailServices.copy.copyMessages(inbox(), [others[0]], folder("Archive"), true, l, null, false));
            await finished(l => inbox().deleteMessages([others[1]], null, false, true, l, false));
            inbox().addKeywordsToMessages([others[2]], "$label1");
            await update(inbox());
            return text;
        """)
        self.assertTrue(text.replace("\r\n", "\n").endswith(message(2, size=3000).partition("\r\n\r\n")[2].replace("\r\n", "\n")))
        inbox = self.subjects("u1", "INBOX")
        self.assertEqual(set(inbox), {"news 2", "news 3"})
        self.assertTrue({"\\Seen", "\\Flagged"} <= set(inbox["news 2"]), inbox)
        self.assertIn("$label1", [flag.lower() for flag in inbox["news 3"]])
        self.assertEqual(set(self.subjects("u1", "Archive")), {"news 0"})
        self.assertEqual(set(self.subjects("u1", "Trash")), {"news 1"})
        found = thunderbird.run(SEARCH + """
            return [await search(inbox(), Ci.nsMsgSearchAttrib.Subject, "NEWS 3"), await search(folder("Archive"), Ci.nsMsgSearchAttrib.Body, args[0])];
        """, message(0, size=3000).split("\r\n")[8][2:40])
        self.assertEqual(found, [["news 3"], ["news 0"]])

    def new_folder(self, thunderbird):
        thunderbird.run("""
            server.rootFolder.createSubfolder("Größe & Co", null);
            await until("the folder appears", () => server.rootFolder.containsChildNamed("Größe & Co"));
            folder("Größe & Co").createSubfolder("日本", null);
            await until("the folder in it appears", () => folder("Größe & Co").containsChildNamed("日本"));
            folder("Größe & Co").rename("Kleines", null);
            await until("it has its new name", () => server.rootFolder.containsChildNamed("Kleines"));
            await finished(l => MailServices.copy.copyMessages(inbox(), messages(inbox()), folder("Kleines"), false, l, null, false));
        """)
        with self.server.imap() as client:
            names = [line.decode().rpartition(" ")[2].strip('"') for line in client.list()[1]]
        self.assertIn("Kleines", names)
        self.assertIn("Kleines/&ZeVnLA-", names)
        self.assertEqual(set(self.subjects("u1", "Kleines")), {"news 2", "news 3"})

    def news_come_by_themselves(self, thunderbird):
        """IDLE: nobody presses a button. And what another client does is seen, too."""
        thunderbird.run("await update(inbox());")
        self.server.send(message(10, subject="by itself"))
        thunderbird.run("""await until("the new message is there", () => messages(inbox()).some(m => m.subject == "by itself 10"));""")
        with self.server.imap() as client:
            client.select("INBOX")
            number = client.search(None, "SUBJECT", '"by itself"')[1][0].decode()
            client.store(number, "+FLAGS", "(\\Answered)")
            client.store(client.search(None, "SUBJECT", '"news 3"')[1][0].decode(), "+FLAGS", "(\\Deleted)")
            client.expunge()
        thunderbird.run("""
            await until("the answer is seen", () => messages(inbox()).some(m => m.subject == "by itself 10" && m.flags & Ci.nsMsgMessageFlags.Replied));
            await until("the message goes", () => !messages(inbox()).some(m => m.subject == "news 3"));
        """)

    def write(self, thunderbird, implicit):
        subject = "Grüße von Thunderbird"
        thunderbird.run(SEND, f"u1@{DOMAIN}", f"u2@{DOMAIN}", subject, "Es ist schön hier.\r\n.\r\n-- \r\nA User")
        with self.server.imap("u2") as client:
            client.select("INBOX")
            received = email.message_from_bytes(client.fetch("1", "(BODY[])")[1][0][1], policy=email.policy.default)
        self.assertEqual(received["Subject"], subject)
        self.assertEqual(received.get_content().splitlines()[:2], ["Es ist schön hier.", "."])
        self.assertIn("with ESMTPSA", received["Received"])
        with self.server.imap() as client:
            client.select("Sent", readonly=True)
            kept = email.message_from_bytes(client.fetch("1", "(BODY[])")[1][0][1], policy=email.policy.default)
        self.assertEqual(kept["Message-ID"], received["Message-ID"])
        self.assertIn(f"server={'submissions' if implicit else 'submission'} ", self.server.log())
