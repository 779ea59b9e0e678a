# PostgreSQL for tests and for machines that reach no image registry: stands in for the official
# `postgres:<major>` image, as far as this project uses it. Built by `cargo xtask images`.
# ROOT is a Debian root with that PostgreSQL in it; `docker import` made it.
ARG ROOT
FROM ${ROOT}
ARG PG_MAJOR
ENV PG_MAJOR=${PG_MAJOR} \
    PATH=/usr/lib/postgresql/${PG_MAJOR}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=en_US.utf8 \
    PGDATA=/var/lib/postgresql/data
RUN sed -ri "s/^#?(listen_addresses)\s*=.*/\1 = '*'/" \
        "/usr/share/postgresql/${PG_MAJOR}/postgresql.conf.sample" \
 && install -d -o postgres -g postgres -m 3777 /var/run/postgresql \
 && install -d -o postgres -g postgres -m 1777 "${PGDATA}"
COPY postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["docker-entrypoint.sh"]
# SIGINT is PostgreSQL's "fast" shutdown: sessions end, nothing waits for clients.
STOPSIGNAL SIGINT
EXPOSE 5432
CMD ["postgres"]
