#include "app/fields.h"

namespace app {

namespace {

constexpr std::uint64_t kKiB = 1ull << 10;
constexpr std::uint64_t kMiB = 1ull << 20;
constexpr std::uint64_t kGiB = 1ull << 30;
constexpr std::uint64_t kTiB = 1ull << 40;

/// The member that a chain of member pointers leads to.
template <auto First, auto... Rest>
struct Member {
  static auto& of(auto& owner) {
    if constexpr (sizeof...(Rest) == 0) {
      return owner.*First;
    } else {
      return Member<Rest...>::of(owner.*First);
    }
  }
};

template <class Owner, class Kind, auto... Chain>
constexpr Field<Owner> make(const char* key, const char* sentence, const char* shown_default) {
  return Field<Owner>{
      .key = key,
      .kind = Kind::kName,
      .sentence = sentence,
      .set = [](Owner& owner, const Raw& raw) -> base::Result<void> {
        TRY_ASSIGN(Member<Chain...>::of(owner), Kind::parse(raw));
        return {};
      },
      .print = [](const Owner& owner) { return Kind::print(Member<Chain...>::of(owner)); },
      .copy = [](Owner& to, const Owner& from) { Member<Chain...>::of(to) = Member<Chain...>::of(from); },
      .same = [](const Owner& a, const Owner& b) { return Member<Chain...>::of(a) == Member<Chain...>::of(b); },
      .secret = std::is_same_v<Kind, Secret>,
      .shown_default = shown_default,
  };
}

template <class Kind, auto... Chain>
constexpr Field<Config> setting(const char* key, const char* sentence, const char* shown_default = nullptr) {
  return make<Config, Kind, Chain...>(key, sentence, shown_default);
}

template <class Kind, auto... Chain>
constexpr Field<Listener> of_listener(const char* key, const char* sentence, const char* shown_default = nullptr) {
  return make<Listener, Kind, Chain...>(key, sentence, shown_default);
}

template <class Kind, auto... Chain>
constexpr Field<NamedCertificate> of_certificate(const char* key, const char* sentence,
                                                 const char* shown_default = nullptr) {
  return make<NamedCertificate, Kind, Chain...>(key, sentence, shown_default);
}

template <auto Whose, auto What>
constexpr Field<Config> rate(const char* key, const char* sentence) {
  return setting<Number<0, 10'000'000, std::uint32_t>, &Config::guard, Whose, What>(key, sentence);
}

template <class Kind, auto... Chain>
constexpr Field<queue::Route> of_route(const char* key, const char* sentence, const char* shown_default = nullptr) {
  return make<queue::Route, Kind, Chain...>(key, sentence, shown_default);
}

template <class Kind, auto Member>
constexpr Field<Config> of_queue(const char* key, const char* sentence, const char* shown_default = nullptr) {
  return setting<Kind, &Config::delivery, &delivery::Config::queue, Member>(key, sentence, shown_default);
}

constexpr Field<Config> kSettings[] = {
    setting<HostName, &Config::hostname>(
        "hostname", "The server's own full name, as it greets and as its certificate says; never a mail domain.",
        "the machine's own name, when it is a full one")
        .needs_restart(),
    setting<Path, &Config::data_dir>("data_dir", "Where everything durable is kept; made when missing.")
        .needs_restart(),
    setting<Text, &Config::user>(
        "user",
        "The user to run as when started as root; a small parent process keeps the ports and keys that need root.",
        "stay as started")
        .needs_restart(),
    setting<Number<0, 256>, &Config::threads>("threads", "Event loops; 0 is one for each core.").needs_restart(),
    setting<Number<1, 256>, &Config::workers>("workers", "Threads for what waits on the disk or computes for long.")
        .needs_restart(),

    of_queue<RouteHosts, &queue::Config::smarthost>(
        "smarthost", "Hosts that take all mail for elsewhere, tried in order; without one it goes to the domains' own.",
        "none"),
    of_queue<Text, &queue::Config::smarthost_user>("smarthost_user", "The login at the smarthost.", "none"),
    of_queue<Secret, &queue::Config::smarthost_password>(
        "smarthost_password", "The password for it; best given as ${file:…} or ${credential:…}.", "none"),

    setting<Choice<base::Level>, &Config::log_level>("log.level",
                                                     "The least level that is logged: debug, info, warning or error."),
    setting<Choice<LogFormat>, &Config::log_format>("log.format",
                                                    "Lines of text, or one JSON object a line: text or json.")
        .needs_restart(),
    setting<Choice<LogTarget>, &Config::log_target>(
        "log.target",
        "Where lines go: stderr, journal, syslog (as mail.*), or auto, which is the journal where standard error leads "
        "there and otherwise standard error.")
        .needs_restart(),

    setting<AddressesOrNone, &Config::metrics, &MetricsEndpoint::addresses>(
        "metrics.address", "Numeric addresses where GET /metrics is answered over HTTP; an empty list is nowhere.")
        .needs_restart(),
    setting<Port, &Config::metrics, &MetricsEndpoint::port>("metrics.port", "The TCP port for it.").needs_restart(),
    setting<Networks, &Config::metrics, &MetricsEndpoint::allowed>("metrics.allowed", "Networks that may ask there.")
        .needs_restart(),

    setting<Path, &Config::tls, &TlsFiles::certificate>(
        "tls.certificate",
        "The certificate chain in PEM, the server's own first; only read. Without one no TLS is offered. A directory "
        "that "
        "holds tls.crt and tls.key, or fullchain.pem and privkey.pem, may stand here alone.",
        "none"),
    setting<Path, &Config::tls, &TlsFiles::key>("tls.key", "The private key of the certificate in PEM; only read.",
                                                "none"),
    setting<Secret, &Config::tls, &TlsFiles::key_password>(
        "tls.key_password", "The passphrase of the private key, when it has one; best given as ${file:…}.", "none"),

    setting<Mechanisms, &Config::mechanisms>(
        "auth.mechanisms",
        "How users may log in; -PLUS and EXTERNAL are offered where TLS allows them. docs/security.md says what each "
        "costs.")
        .needs_restart(),

    setting<Size<64 * kKiB, kGiB>, &Config::max_message_bytes>("limits.message_size",
                                                               "The largest message that is taken."),
    setting<Size<0, 1024 * kTiB>, &Config::mailbox_quota_bytes>(
        "limits.mailbox_quota", "What an account may hold when it is made without a quota of its own; 0 is no limit."),
    setting<Number<1, 1'000'000>, &Config::connections, &net::Limits::connections>(
        "limits.connections", "Connections at once, for each listener."),
    setting<Number<1, 1'000'000>, &Config::connections, &net::Limits::connections_per_address>(
        "limits.connections_per_address", "Connections at once from one address, for each listener."),
    setting<Number<100, 100'000>, &Config::smtp, &smtp::Config::max_recipients>("limits.recipients",
                                                                                "Recipients of one message."),
    setting<Number<1, 10'000>, &Config::smtp, &smtp::Config::max_errors>(
        "limits.smtp_errors", "Refused commands after which an SMTP session is ended."),
    setting<Number<1, 10'000>, &Config::imap, &imap::Config::max_errors>(
        "limits.imap_errors", "Malformed commands after which an IMAP session is ended."),
    setting<Number<0, 1'000'000'000, std::uint32_t>, &Config::imap, &imap::Config::max_messages>(
        "limits.imap_messages",
        "Messages that one IMAP command works on, which is told to clients as MESSAGELIMIT (RFC 9738); 0 is all."),
    setting<Number<100, 10'000'000>, &Config::smtp, &smtp::Config::max_commands>("limits.smtp_commands",
                                                                                 "Commands in one SMTP session."),
    setting<Number<1, 1'000'000>, &Config::smtp, &smtp::Config::max_messages>("limits.smtp_messages",
                                                                              "Messages in one SMTP session."),
    setting<Duration<0, 366 * 86400>, &Config::smtp, &smtp::Config::max_hold>(
        "limits.hold", "How long a user may ask that a message be held before it is sent; 0 is not at all."),
    setting<Size<8 * kKiB, 16 * kMiB>, &Config::imap, &imap::Config::max_command_bytes>(
        "limits.imap_command_size", "The longest IMAP command, a message that it appends apart."),
    setting<Number<10, 1000>, &Config::delivery, &delivery::Config::max_received_fields>(
        "limits.hops", "Received fields above which a message is taken for one that goes in circles."),
    setting<Number<1, 64>, &Config::directory, &directory::Config::password_checks_at_once>(
        "limits.password_checks", "Password checks at once; each takes a core for 20 ms.")
        .needs_restart(),
    setting<Number<1, 1'000'000>, &Config::directory, &directory::Config::password_checks_waiting>(
        "limits.password_checks_waiting",
        "Logins that may wait for a password check before others are told to come back later.")
        .needs_restart(),

    setting<Number<0, 10'000'000, std::uint64_t>, &Config::guard, &guard::Config::messages_per_day>(
        "limits.account_messages", "Messages that an account may send in a day (UTC); 0 is any number."),
    setting<Number<0, 10'000'000, std::uint64_t>, &Config::guard, &guard::Config::new_recipients_per_day>(
        "limits.account_new_recipients",
        "Recipients elsewhere that an account may write to in a day and has never written to before; 0 is any number."),

    rate<&guard::Config::stranger, &guard::Rates::connections>(
        "rates.connections",
        "Connections from one client to port 25 within a minute; for all of these 0 is any number."),
    rate<&guard::Config::stranger, &guard::Rates::messages>("rates.messages",
                                                            "Messages from one client of port 25 within a minute."),
    rate<&guard::Config::stranger, &guard::Rates::recipients>("rates.recipients",
                                                              "Recipients from one client of port 25 within a minute."),
    rate<&guard::Config::stranger, &guard::Rates::errors>(
        "rates.errors", "Refused commands of one client of port 25 within a minute, in all its sessions."),
    rate<&guard::Config::user, &guard::Rates::connections>(
        "rates.user_connections", "Connections from one client to submission and IMAP within a minute."),
    rate<&guard::Config::user, &guard::Rates::errors>(
        "rates.user_errors", "Refused commands and logins of one client of submission and IMAP within a minute."),
    setting<Number<0, 1000, std::uint32_t>, &Config::guard, &guard::Config::network_factor>(
        "rates.network_factor",
        "How many times what one client may the clients of one network (IPv4 /24, IPv6 /48) may do together."),
    rate<&guard::Config::account, &guard::Rates::logins>("rates.account_logins",
                                                         "Logins of one account within a minute."),
    rate<&guard::Config::account, &guard::Rates::messages>("rates.account_messages",
                                                           "Messages that one account may send within a minute."),
    rate<&guard::Config::account, &guard::Rates::recipients>(
        "rates.account_recipients", "Recipients that one account may send to within a minute."),
    rate<&guard::Config::all, &guard::Rates::connections>("rates.all_connections",
                                                          "Connections of all clients together within a minute."),
    rate<&guard::Config::all, &guard::Rates::messages>("rates.all_messages",
                                                       "Messages of all clients together within a minute."),
    rate<&guard::Config::all, &guard::Rates::recipients>("rates.all_recipients",
                                                         "Recipients of all clients together within a minute."),
    setting<Number<256, 10'000'000>, &Config::guard, &guard::Config::records>(
        "rates.records", "Clients, networks and accounts that are remembered at once, in some 250 bytes each.")
        .needs_restart(),

    setting<Number<0, 10'000, std::uint32_t>, &Config::guard, &guard::Config::wrong_passwords>(
        "bans.wrong_passwords", "Wrong passwords for which a client is banned; 0 is never."),
    setting<Duration<60, 86'400>, &Config::guard, &guard::Config::ban_window>(
        "bans.within", "The time within which they are counted."),
    setting<Duration<1, 30 * 86'400>, &Config::guard, &guard::Config::first_ban>(
        "bans.first", "How long the first ban is; each further one is twice as long."),
    setting<Duration<1, 366 * 86'400>, &Config::guard, &guard::Config::longest_ban>("bans.longest",
                                                                                    "The longest that a ban gets."),

    setting<Duration<10, 3600>, &Config::smtp, &smtp::Config::command_timeout>(
        "timeouts.smtp_command", "How long an SMTP session may wait for the next command."),
    setting<Duration<10, 3600>, &Config::smtp, &smtp::Config::data_timeout>("timeouts.smtp_data",
                                                                            "How long a message under way may pause."),
    setting<Duration<60, 7 * 86400>, &Config::smtp, &smtp::Config::session_timeout>(
        "timeouts.smtp_session", "How long an SMTP session may last."),
    setting<Duration<5, 3600>, &Config::imap, &imap::Config::login_timeout>(
        "timeouts.imap_login", "How long an IMAP client may take from the connection to its login."),
    // RFC 9051 §5.4: at least 30 minutes.
    setting<Duration<30 * 60, 7 * 86400>, &Config::imap, &imap::Config::idle_timeout>(
        "timeouts.imap_idle", "How long an IMAP session may be silent; the standard asks for at least 30 minutes."),
    setting<Duration<0, 3600>, &Config::stop_timeout>("timeouts.stop",
                                                      "How long sessions may take to end when the server stops."),

    setting<Switch, &Config::imap, &imap::Config::append_8bit_headers>(
        "imap.append_8bit_headers",
        "Whether APPEND takes header fields with bytes above 127 from a client that has not enabled UTF8=ACCEPT. "
        "RFC 6855 wants them refused, which would keep old mail from being moved here by programs like mbsync and "
        "imapsync."),
    setting<MailAddresses, &Config::imap, &imap::Config::submission_accounts>(
        "imap.submission_accounts",
        "Accounts by which submission servers elsewhere log in, to fetch what users let them send by its URL "
        "(RFC 4467, \"submit+\").",
        "none"),

    setting<ServerEntries, &Config::imap, &imap::Config::server_entries>(
        "imap.server_entries",
        "What IMAP clients are told of the server (RFC 5464), one text or a list of them: \"/shared/comment = "
        "Welcome\", "
        "\"/shared/admin = mailto:postmaster@example.org\", or a search for all, \"/shared/filters/values/new = "
        "UNSEEN\" "
        "(RFC 5466).",
        "none"),

    setting<Choice<smtp::Vrfy>, &Config::smtp, &smtp::Config::vrfy>(
        "smtp.vrfy",
        "Who is told by VRFY and EXPN which addresses there are: nobody, known (users who have logged in, and hosts of "
        "trusted networks) or everybody."),
    setting<Duration<0, 60>, &Config::smtp, &smtp::Config::greet_delay>(
        "smtp.greet_delay",
        "How long strangers wait for the greeting of port 25; one that speaks before it is refused. 0 is not at all."),
    setting<Choice<smtp::Policy>, &Config::smtp, &smtp::Config::hello_syntax>(
        "smtp.hello_syntax",
        "What is done about a stranger's HELO or EHLO name that is neither a domain nor an address: ignore, log or "
        "refuse."),
    setting<Choice<smtp::Policy>, &Config::smtp, &smtp::Config::hello_own_name>(
        "smtp.hello_own_name", "The same for one that is this server's own name or address."),
    setting<Choice<smtp::Policy>, &Config::smtp, &smtp::Config::hello_foreign_literal>(
        "smtp.hello_foreign_literal", "The same for an address that is not the one that the stranger comes from."),
    setting<Choice<smtp::Policy>, &Config::smtp, &smtp::Config::reverse_dns>(
        "smtp.reverse_dns",
        "The same for an address that has no name in the DNS, or none that leads back to it; its mail is refused."),

    setting<Switch, &Config::delivery, &delivery::Config::refuse_forged>(
        "submission.refuse_forged",
        "Whether a message is refused whose From, Sender or Resent-… names an address that its sender may not send "
        "as."),
    setting<Switch, &Config::delivery, &delivery::Config::hide_clients>(
        "submission.hide_clients",
        "Whether messages of users are without their programs' address and name (in Received)."),

    setting<Rewrites, &Config::delivery, &delivery::Config::rewrite_senders>(
        "rewrite.senders",
        "Rules for the senders of what is submitted, in the envelope and in From, Sender and Reply-To; the first that "
        "fits counts: \"*@*.example.org=*@example.org\", \"old@example.org=new@example.org\", or \"root@*=\" for "
        "what stays."),
    setting<Rewrites, &Config::delivery, &delivery::Config::rewrite_recipients>(
        "rewrite.recipients", "The same for recipients of all mail, in the envelope, before they are looked up."),

    setting<Path, &Config::sendmail_directory>(
        "sendmail.directory",
        "Where programs of this machine hand over mail by `sendmail`; its spool is there, and its socket.",
        "`/var/spool/postrider` where data_dir is `/var/lib/postrider`; otherwise DATA_DIR/sendmail, which other users "
        "do "
        "not reach")
        .needs_restart(),
    setting<LocalSenders, &Config::delivery, &delivery::Config::local_senders>(
        "sendmail.senders",
        "What users of this machine may send as, beside USER@hostname: \"USER=ADDRESS\", \"USER=@domain\" or "
        "\"USER=*\"; "
        "root and the server's own user may anything.",
        "none"),
    of_queue<MailAddress, &queue::Config::machine_mail>(
        "sendmail.machine_mail",
        "Where mail goes that is sent here to a name without a domain, or at the hostname: root's, cron's."),

    of_queue<Durations, &queue::Config::retry>(
        "queue.retry", "From one attempt to the next; the last one repeats until the message expires."),
    of_queue<Duration<3600, 30 * 86400>, &queue::Config::expire>(
        "queue.expire", "How long a message is tried before it goes back to its sender."),
    of_queue<Duration<0, 30 * 86400>, &queue::Config::warn>(
        "queue.warn", "When senders are told that their message takes long; 0 is never."),
    of_queue<Switch, &queue::Config::srs>(
        "queue.srs",
        "Whether mail from elsewhere that an alias sends on goes out with a sender of ours, as SPF needs it."),
    of_queue<Number<1, 10'000>, &queue::Config::deliveries>("queue.deliveries", "Deliveries at once."),
    of_queue<Number<1, 10'000>, &queue::Config::destination_deliveries>("queue.destination_deliveries",
                                                                        "Deliveries at once to one destination."),
    of_queue<Number<0, 1'000'000>, &queue::Config::messages_per_minute>(
        "queue.destination_rate", "Messages a minute to one destination; 0 is as many as it takes."),
    of_queue<Number<1, 1'000'000'000, std::uint64_t>, &queue::Config::max_messages>(
        "queue.messages", "Messages in the queue above which no more mail for elsewhere is taken."),
    of_queue<Number<1, 1'000'000'000, std::uint64_t>, &queue::Config::max_messages_per_account>(
        "queue.messages_per_account", "The same of one account."),

    of_queue<Duration<0, 366 * 86400>, &queue::Config::trace_keep>(
        "trace.keep", "How long it is kept what happened to each message, for postrider trace; 0 is not at all."),

    setting<NameServers, &Config::dns, &dns::Config::servers>(
        "dns.servers",
        "Resolvers that are asked, with a port where it is not 53, or \"system\" for those of /etc/resolv.conf; they "
        "must "
        "pass on DNSSEC's records.",
        "none: the name servers of the world are asked directly")
        .needs_restart(),
    setting<Switch, &Config::dns, &dns::Config::validate>("dns.dnssec",
                                                          "Whether answers are validated; without, DANE does not "
                                                          "exist: for networks whose resolver drops DNSSEC's records.")
        .needs_restart(),
    setting<Path, &Config::dns, &dns::Config::trust_anchor>(
        "dns.trust_anchor", "A file with the DS or DNSKEY records from which answers are validated.",
        "the keys of the root, which are built in")
        .needs_restart(),
    setting<Zones, &Config::dns, &dns::Config::special_names>("dns.special_names",
                                                              "Domains for special use (\"test\", \"home.arpa\") that "
                                                              "are looked up nevertheless, in networks that have them.",
                                                              "none")
        .needs_restart(),
    setting<Duration<1, 300>, &Config::dns, &dns::Config::timeout>("dns.timeout", "How long one look-up may take.")
        .needs_restart(),
    setting<Number<1, 10'000>, &Config::dns, &dns::Config::max_lookups>("dns.max_lookups",
                                                                        "Look-ups at once; more wait for a place.")
        .needs_restart(),

    setting<Port, &Config::outbound, &outbound::Config::port>(
        "outbound.port", "The port of hosts that are found by MX; another than 25 for tests and closed networks.")
        .needs_restart(),
    setting<Switch, &Config::outbound, &outbound::Config::ipv6>("outbound.ipv6",
                                                                "Whether hosts are connected to by IPv6.")
        .needs_restart(),
    setting<Path, &Config::outbound, &outbound::Config::trusted_ca>(
        "outbound.trusted_ca", "The authorities in PEM that certificates of other hosts are verified against.",
        "those of the system")
        .needs_restart(),
    setting<Switch, &Config::outbound, &outbound::Config::dane>(
        "outbound.dane", "Whether TLSA records of other hosts are looked up and followed.")
        .needs_restart(),
    setting<Switch, &Config::outbound, &outbound::Config::mta_sts>(
        "outbound.mta_sts", "Whether MTA-STS policies of other domains are fetched and followed.")
        .needs_restart(),
    setting<Port, &Config::outbound, &outbound::Config::mta_sts_port>(
        "outbound.mta_sts_port",
        "The port of hosts that serve MTA-STS policies; another than 443 for tests and closed networks.")
        .needs_restart(),
    setting<Duration<1, 300>, &Config::outbound, &outbound::Config::connect_timeout>(
        "outbound.connect_timeout", "How long a connection to one address may take to come about.")
        .needs_restart(),
    setting<Duration<0, 300>, &Config::outbound, &outbound::Config::idle_timeout>(
        "outbound.idle_timeout", "How long a connection is kept for the next message; 0 is not at all.")
        .needs_restart(),
    setting<Number<0, 10'000>, &Config::outbound, &outbound::Config::max_idle>(
        "outbound.max_idle", "Connections that are kept for the next message, in all.")
        .needs_restart(),
    setting<Number<1, 100'000>, &Config::outbound, &outbound::Config::max_messages>(
        "outbound.max_messages", "Messages that are sent over one connection.")
        .needs_restart(),
    setting<Number<1, 1000>, &Config::outbound, &outbound::Config::max_recipients>(
        "outbound.max_recipients", "Recipients of one message that a host is told at once.")
        .needs_restart(),
    setting<Number<1, 100>, &Config::outbound, &outbound::Config::max_addresses>(
        "outbound.max_addresses", "Addresses of a destination that are tried in one attempt.")
        .needs_restart(),

    setting<Size<0, 1024 * kTiB>, &Config::store, &store::Options::min_free_bytes>(
        "store.min_free", "Free disk space below which new mail is deferred and nothing else is written.")
        .needs_restart(),
    setting<Size<4 * kMiB, 16 * kGiB>, &Config::store, &store::Options::write_buffer_bytes>(
        "store.write_buffer", "Memory for what was written and is not yet sorted into files.")
        .needs_restart(),
    setting<Size<1 * kMiB, 256 * kGiB>, &Config::store, &store::Options::block_cache_bytes>(
        "store.cache", "Memory for records that were read.")
        .needs_restart(),
};

constexpr Field<NamedCertificate> kCertificateSettings[] = {
    of_certificate<Path, &NamedCertificate::files, &TlsFiles::certificate>(
        "certificate", "The certificate chain in PEM, or a directory, as for tls.certificate.", "must be given"),
    of_certificate<Path, &NamedCertificate::files, &TlsFiles::key>("key", "The private key in PEM; only read.", "none"),
    of_certificate<Secret, &NamedCertificate::files, &TlsFiles::key_password>(
        "key_password", "The passphrase of the private key, when it has one.", "none"),
    of_certificate<HostPatterns, &NamedCertificate::domains>(
        "domains", "Host names and wildcards that it is served for: one, or a list.", "those that stand in it"),
};

constexpr Field<Listener> kListenerSettings[] = {
    of_listener<Choice<Protocol>, &Listener::protocol>(
        "protocol", "What is spoken: smtp, submission, submissions, imap, imaps or lmtp.", "must be given"),
    of_listener<Addresses, &Listener::addresses>("address", "Numeric addresses to listen on: one, or a list.",
                                                 "`[\"0.0.0.0\", \"::\"]`; for lmtp `[\"127.0.0.1\", \"::1\"]`"),
    of_listener<Port, &Listener::port>("port", "The TCP port.", "25, 587, 465, 143, 993 or 24 by the protocol"),
    of_listener<Path, &Listener::path>(
        "path", "For lmtp: a Unix socket in place of address and port; its mode is 0660, its group the server's.",
        "none"),
    of_listener<Choice<TlsMode>, &Listener::tls>(
        "tls", "How TLS begins: starttls, implicit (with the connection) or none.",
        "implicit for submissions and imaps, none for lmtp, otherwise starttls"),
    of_listener<Networks, &Listener::allowed>("allow", "Networks whose hosts may connect; others are closed at once.",
                                              "everybody"),
    of_listener<Networks, &Listener::proxies>("proxy_protocol",
                                              "Networks of proxies: their connections must begin with a PROXY header "
                                              "and are those of the client that it names.",
                                              "none"),
    of_listener<Networks, &Listener::trusted>(
        "trusted",
        "Networks whose hosts are trusted: their bare line ends are mended instead of refused, and their priorities "
        "count."),
    of_listener<Networks, &Listener::relay>(
        "relay", "For smtp: networks whose hosts may send to anywhere without logging in.", "none"),
    of_listener<Switch, &Listener::plaintext_auth>("plaintext_auth",
                                                   "Whether hosts of the trusted networks may log in without TLS."),
    of_listener<Switch, &Listener::hide_clients>(
        "hide_clients", "For submission and submissions: as submission.hide_clients, for those who come here."),
    of_listener<Text, &Listener::certificate>(
        "certificate", "The NAME of a [certificate.NAME] for clients that name no host, or one that none has.",
        "that of [tls]"),
    of_listener<Path, &Listener::client_ca>(
        "client_ca",
        "The authorities in PEM whose certificates clients may show to log in by EXTERNAL as the address in them.",
        "none"),
};

constexpr Field<queue::Route> kRouteSettings[] = {
    of_route<MailDomains, &queue::Route::recipients>(
        "recipients", "Domains of recipients; \".example.org\" is those below it, \"*\" any.", "all"),
    of_route<MailDomains, &queue::Route::senders>("senders", "Domains of senders, in the same way.", "all"),
    of_route<MailAddresses, &queue::Route::accounts>("accounts", "Accounts that submitted the message.", "all"),
    of_route<Choice<queue::By>, &queue::Route::by>("by",
                                                   "mx (the domain's own hosts), hosts (these, by SMTP), lmtp (these, "
                                                   "by LMTP), pipe (a command), local (looked up "
                                                   "here), refuse or discard."),
    of_route<RouteHosts, &queue::Route::hosts>(
        "hosts", "For hosts and lmtp: names or numeric addresses with ports, or a Unix socket, tried in order.",
        "none"),
    of_route<Text, &queue::Route::user>("user", "The login there.", "none"),
    of_route<Secret, &queue::Route::password>("password", "The password for it.", "none"),
    of_route<Choice<outbound::TlsPolicy>, &queue::Route::tls>(
        "tls",
        "none, opportunistic, policy (what the destination publishes, otherwise opportunistic), encrypt (always, with "
        "any "
        "certificate) or verify (always, with a certificate for the host)."),
    of_route<Command, &queue::Route::pipe, &outbound::Pipe::command>(
        "command",
        "For pipe: the path of a program and its arguments, with {sender}, {recipient}, {local_part}, {domain} and "
        "{id}; "
        "no shell reads them.",
        "none"),
    of_route<Text, &queue::Route::pipe, &outbound::Pipe::user>(
        "run_as", "For pipe: the user that the command runs as; for a server that is started as root.",
        "the server's own"),
    of_route<Duration<1, 3000>, &queue::Route::pipe, &outbound::Pipe::time_limit>(
        "time_limit", "For pipe: how long the command may take before it is ended, and tried again later."),
    of_route<Switch, &queue::Route::pipe, &outbound::Pipe::crlf>(
        "crlf", "For pipe: whether lines end with CRLF, as on the wire, and not with LF."),
    of_route<Text, &queue::Route::text>("text", "For refuse: what the sender is told.", "none"),
    of_route<AddressesOrNone, &queue::Route::source_address>(
        "source_address", "Numeric addresses to connect from, one of each family at most.", "the system's choice"),
    of_route<Text, &queue::Route::helo>("helo", "The name to greet with.", "the server's host name"),
    of_route<Switch, &queue::Route::relay>("relay",
                                           "Whether mail for the recipients is taken from anybody, and not only from "
                                           "users: for domains of other servers."),
    of_route<Switch, &queue::Route::verify>(
        "verify", "With relay: whether its hosts are asked for each recipient before it is taken."),
    of_route<Number<0, 10'000>, &queue::Route::deliveries>(
        "deliveries", "Deliveries at once to one destination of it; 0 is as for all."),
    of_route<Number<0, 1'000'000>, &queue::Route::messages_per_minute>(
        "rate", "Messages a minute to one destination of it; 0 is as for all."),
};

}  // namespace

std::span<const Field<Config>> settings() { return kSettings; }
std::span<const Field<NamedCertificate>> certificate_settings() { return kCertificateSettings; }
std::span<const Field<Listener>> listener_settings() { return kListenerSettings; }
std::span<const Field<queue::Route>> route_settings() { return kRouteSettings; }

const std::vector<NamedTable>& named_tables() {
  static const auto keys = [](const auto& fields) {
    std::vector<std::string> all;
    for (const auto& field : fields) all.emplace_back(field.key);
    return all;
  };
  static const std::vector<NamedTable> tables{{"certificate", keys(kCertificateSettings)},
                                              {"listener", keys(kListenerSettings)},
                                              {"route", keys(kRouteSettings)}};
  return tables;
}

}  // namespace app
