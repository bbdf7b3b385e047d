"""Who is here, as an administrator changes it beside the running server, seen by sessions that are open: passwords, states,
aliases, grants, groups, rules who may post, catch-all, tags, domain aliases and names beyond ASCII."""
import contextlib
import imaplib
import json
import select
import smtplib
import unittest

from harness import DOMAIN, PASSWORD, Server, ServerTest, any_certificate, message


def code(call, *arguments):
    """The reply to a command of smtplib that may raise."""
    try:
        return call(*arguments)[0]
    except smtplib.SMTPResponseException as refusal:
        return refusal.smtp_code


def quietly(close):
    """Ends a session that the server may have ended before."""
    with contextlib.suppress(OSError):
        close()


class Base(ServerTest):
    def setUp(self):
        self.sessions = contextlib.ExitStack()
        self.addCleanup(self.sessions.close)

    def account(self, name, domain=DOMAIN, *options):
        self.server.cli("account", "add", f"{name}@{domain}", "--password", PASSWORD, *options)
        return f"{name}@{domain}"

    def imap(self, login, password=PASSWORD):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=any_certificate(), timeout=30)
        self.sessions.callback(quietly, client.shutdown)
        client.login(login, password)
        return client

    def submission(self, login, password=PASSWORD):
        client = smtplib.SMTP_SSL("127.0.0.1", self.server.port("submissions"), local_hostname="client.test", context=any_certificate(), timeout=30)
        self.sessions.callback(quietly, client.close)
        client.login(login, password)
        return client

    def mx(self):
        client = self.sessions.enter_context(self.server.smtp())
        client.ehlo()
        return client

    def rcpt(self, recipient, sender="x@elsewhere.test", client=None):
        """What RCPT says to it, in a transaction of its own."""
        client = client or self.mx()
        client.rset()
        client.mail(sender)
        status, text = client.rcpt(recipient)
        return status, text.decode()

    def texts(self, login):
        client = self.imap(login)
        client.select("INBOX")
        found = [client.fetch(number, "(BODY[])")[1][0][1].decode() for number in client.search(None, "ALL")[1][0].split()]
        client.logout()
        return found

    def ends(self, client):
        """Whether the next command of an IMAP session is its last."""
        try:
            client.noop()
        except (imaplib.IMAP4.abort, OSError):
            return True
        return False


class LiveSessions(Base):
    def test_a_changed_password_ends_sessions_at_their_next_command(self):
        who = self.account("pat")
        mail, submission = self.imap(who), self.submission(who)
        self.assertEqual(code(submission.mail, who), 250)
        self.server.cli("account", "password", who, "--password", "another")
        self.assertTrue(self.ends(mail))
        self.assertEqual(submission.rcpt("x@elsewhere.test")[0], 530)
        with self.assertRaises(imaplib.IMAP4.error):
            self.imap(who)
        self.assertFalse(self.ends(self.imap(who, "another")))

    def test_a_suspended_account_ends_at_once_also_in_idle_and_comes_back(self):
        who = self.account("sue")
        idle, idle_nowhere, mail, submission = self.imap(who), self.imap(who), self.imap(who), self.submission(who)
        idle.select("INBOX")
        for client in (idle, idle_nowhere):
            client.send(b"i IDLE\r\n")
            self.assertTrue(client.readline().startswith(b"+"))
        self.server.cli("account", "set", who, "--state", "suspended")
        for client in (idle, idle_nowhere):
            self.assertTrue(select.select([client.socket()], [], [], 10)[0])
            self.assertTrue(client.readline().startswith(b"* BYE [AUTHORIZATIONFAILED]"))
        self.assertTrue(self.ends(mail))
        self.assertEqual(code(submission.mail, who), 530)
        self.assertEqual(self.rcpt(who), (450, "4.2.1 The mailbox takes no mail at present, try again later"))
        with self.assertRaises(imaplib.IMAP4.error):
            self.imap(who)
        self.server.cli("account", "set", who, "--state", "disabled")
        with self.assertRaises(imaplib.IMAP4.error):
            self.imap(who)
        self.server.send(message(1), to="sue")
        self.server.cli("account", "set", who, "--state", "active")
        self.assertEqual(len(self.texts(who)), 1)

    def test_a_removed_account_is_told_so_while_it_idles(self):
        who = self.account("rem")
        idle = self.imap(who)
        idle.select("INBOX")
        idle.send(b"i IDLE\r\n")
        self.assertTrue(idle.readline().startswith(b"+"))
        self.server.cli("account", "remove", who)
        self.assertTrue(idle.readline().startswith(b"* BYE"))

    def test_an_alias_moves_under_an_open_transaction(self):
        ann, bob = self.account("mova"), self.account("movb")
        self.server.cli("alias", "add", f"info@{DOMAIN}", ann)
        client = self.mx()
        client.mail("x@elsewhere.test")
        self.assertEqual(client.rcpt(f"info@{DOMAIN}")[0], 250)
        self.server.cli("alias", "set", f"info@{DOMAIN}", bob)
        self.assertEqual(client.data(message(7))[0], 250)
        self.assertEqual((len(self.texts(ann)), len(self.texts(bob))), (0, 1))
        self.server.cli("alias", "remove", f"info@{DOMAIN}")
        self.assertEqual(self.rcpt(f"info@{DOMAIN}", client=client)[0], 550)

    def test_a_grant_holds_until_it_is_withdrawn(self):
        who = self.account("gra")
        client = self.submission(who)
        self.assertEqual(code(client.mail, "boss@elsewhere.test"), 553)
        self.server.cli("account", "set", who, "--send-as", "boss@elsewhere.test", "--send-as", "@old.test")
        for sender in ("boss@elsewhere.test", "anyone@old.test"):
            client.rset()
            self.assertEqual(code(client.mail, sender), 250)
        self.assertEqual(client.rcpt("x@elsewhere.test")[0], 250)
        self.server.cli("account", "set", who, "--no-send-as", "@old.test")
        self.assertEqual(code(client.data, message(1)), 553)
        client.rset()
        self.assertEqual(code(client.mail, "anyone@old.test"), 553)

    def test_each_device_has_its_password(self):
        who = self.account("dev")
        made = json.loads(self.server.cli("credential", "add", who, "phone", "--generate", "--json").stdout)
        phone, desk = self.imap(who, made["password"]), self.imap(who)
        self.assertIn("phone", self.server.cli("credential", "list", who).stdout)
        self.server.cli("credential", "remove", who, "phone")
        self.assertTrue(self.ends(phone))
        self.assertFalse(self.ends(desk))


class Addresses(Base):
    def test_a_group_and_who_may_post_to_it(self):
        ann, bob, eve = self.account("ga"), self.account("gb"), self.account("ge")
        team, everyone = f"team@{DOMAIN}", f"everyone@{DOMAIN}"
        self.server.cli("group", "add", team, ann, bob, "--post", "members")
        self.server.cli("group", "add", everyone, team, eve)
        self.assertEqual(self.rcpt(team)[0], 550)
        self.assertIn("5.7.2", self.rcpt(team)[1])
        self.assertEqual(self.rcpt(team, sender="")[0], 550)
        self.assertEqual(self.rcpt(team, client=self.submission(eve), sender=eve)[0], 550)
        self.submission(ann).sendmail(ann, [team], message(1).replace("From: sender@elsewhere.test", f"From: {ann}"))
        self.assertEqual(self.rcpt(everyone)[0], 250)
        self.run_client("swaks", "--server", "127.0.0.1", "--port", self.server.port("smtp"), "--from", "x@elsewhere.test", "--to", everyone)
        self.assertEqual([len(self.texts(each)) for each in (ann, bob, eve)], [2, 2, 1])

        self.server.cli("group", "set", team, "--sender", "@elsewhere.test", "--send-as", "yes")
        self.assertEqual(self.rcpt(team)[0], 250)
        self.assertEqual(self.rcpt(team, sender="x@other.test")[0], 550)
        self.assertEqual(code(self.submission(bob).mail, team), 250)
        shown = json.loads(self.server.cli("group", "show", team, "--json").stdout)
        self.assertEqual((shown["posting"], shown["senders"], shown["members"]), ("named", ["@elsewhere.test"], [ann, bob]))
        self.server.cli("account", "remove", bob)
        self.assertEqual(json.loads(self.server.cli("group", "show", team, "--json").stdout)["members"], [ann])

    def test_tags_catch_all_domain_alias_and_names_beyond_ascii(self):
        cli = self.server.cli
        cli("domain", "add", "bücher.test", "--default-quota", "5 MiB", "--max-accounts", "2")
        cli("domain", "add", "books.test", "--alias-of", "bücher.test")
        jörg = self.account("jörg", "bücher.test", "--name", "Jörg")
        self.account("alle", "bücher.test")
        refused = self.server.cli("account", "add", "drei@bücher.test", "--password", "x", check=False)
        self.assertEqual((refused.returncode, refused.stderr), (1, "postrider: xn--bcher-kva.test may have 2 accounts and has as many\n"))
        with self.server.smtp() as client:
            client.ehlo()
            for recipient in ("JÖRG+laden@Bücher.test", "jörg@xn--bcher-kva.test", "jo\u0308rg@books.test"):
                client.mail("x@elsewhere.test", ["SMTPUTF8"])
                client.sock.sendall(f"RCPT TO:<{recipient}>\r\n".encode())  # smtplib would only send ASCII
                self.assertEqual(client.getreply()[0], 250)
                self.assertEqual(client.data(message(3))[0], 250)
        texts = self.texts_utf8("jörg@books.test")
        self.assertEqual(len(texts), 3)
        self.assertIn("Delivered-To: JÖRG+laden@Bücher.test", texts[0])

        self.assertEqual(self.rcpt("niemand@books.test")[0], 550)
        cli("domain", "set", "bücher.test", "--catch-all", "alle@bücher.test")
        self.assertEqual(self.rcpt("niemand@books.test")[0], 250)
        cli("domain", "set", "bücher.test", "--catch-all", "none", "--separator", "-")
        self.assertEqual(self.rcpt("niemand@books.test")[0], 550)
        self.assertEqual(self.rcpt("alle-x@books.test")[0], 250)
        self.assertEqual(self.rcpt("alle+x@books.test")[0], 550)
        rows = {row["name"]: row for row in json.loads(cli("domain", "list", "--usage", "--json").stdout)["domains"]}
        self.assertEqual(rows["books.test"]["alias_of"], "xn--bcher-kva.test")
        self.assertEqual(rows["xn--bcher-kva.test"]["accounts"], 2)
        self.assertGreater(rows["xn--bcher-kva.test"]["used_bytes"], 1000)
        listed = json.loads(cli("account", "list", "--match", "jörg", "--json").stdout)["accounts"]
        self.assertEqual([(row["address"], row["quota_bytes"]) for row in listed], [("jörg@xn--bcher-kva.test", 5 << 20)])

    def texts_utf8(self, login):
        """imaplib cannot log in with a name beyond ASCII but by AUTHENTICATE."""
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=any_certificate(), timeout=30)
        self.sessions.callback(quietly, client.shutdown)
        client.authenticate("PLAIN", lambda _: f"\0{login}\0{PASSWORD}".encode())
        client.select("INBOX")
        return [client.fetch(number, "(BODY[])")[1][0][1].decode() for number in client.search(None, "ALL")[1][0].split()]

    def test_many_accounts_come_from_a_file(self):
        lines = [json.dumps({"address": f"bulk{number}@{DOMAIN}", "password": PASSWORD, "name": f"Number {number}"}) for number in range(20)]
        done = self.server.cli("account", "add", "--from-file", "-", input="\n".join(lines))
        self.assertEqual(done.stdout, "20 accounts are added\n")
        self.assertFalse(self.ends(self.imap(f"bulk19@{DOMAIN}")))
        again = self.server.cli("account", "add", "--from-file", "-", input="\n".join(lines), check=False)
        self.assertEqual((again.returncode, again.stderr), (1, f"postrider: of lines 1 to 20 none is added: bulk0@{DOMAIN} exists already\n"))
        more = self.server.cli("account", "add", "--from-file", "-", "--skip-existing", input="\n".join([*lines, '{"address":"x"}']), check=False)
        self.assertEqual((more.returncode, more.stderr), (1, 'postrider: line 21: "password" is missing\n'))


class Afterwards(unittest.TestCase):
    def test_the_store_is_clean_after_all_of_it(self):
        with Server() as server:
            cli = server.cli
            cli("domain", "add", "other.test", "--catch-all", f"u1@{DOMAIN}", "--quota", "1")
            cli("domain", "add", "third.test", "--alias-of", "other.test")
            cli("group", "add", "team@other.test", f"u1@{DOMAIN}", f"u2@{DOMAIN}", "--post", "domain")
            cli("group", "add", "all@other.test", "team@other.test")
            cli("alias", "add", "x@other.test", "all@other.test", "y@elsewhere.test", "--sender", "z@elsewhere.test")
            cli("credential", "add", f"u1@{DOMAIN}", "phone", "--password", "p")
            cli("account", "set", f"u1@{DOMAIN}", "--send-as", "@other.test", "--state", "disabled")
            cli("account", "remove", f"u2@{DOMAIN}")
            cli("group", "remove", "team@other.test")
            server.stop()
            server.store_check()


if __name__ == "__main__":
    unittest.main()
