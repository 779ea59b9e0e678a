# The least a dynamically linked Rust program needs, for machines that reach no image registry:
# C library, libgcc, certificates, time zones, one unprivileged user. No shell, no package manager.
# Has the same user and paths as distroless `cc:nonroot`, so that deploy/Dockerfile takes either.
# Built by `cargo xtask images --local`; ROOT is the Debian root it made.
ARG ROOT
FROM ${ROOT} AS root
# `dpkg -L` names files by paths that pass through the /lib -> usr/lib links; the copy uses real ones.
RUN set -eu; \
    mkdir -p /out; \
    for package in base-files ca-certificates libc6 libgcc-s1 netbase tzdata; do \
        dpkg -L "$package"; echo "/usr/share/doc/$package/copyright"; \
    done | while read -r path; do \
        case "$path" in \
            /bin* | /sbin* | /usr/bin/* | /usr/sbin/* | /usr/lib/*/gconv/*) continue ;; \
            /usr/share/base-files/* | /usr/share/lintian/* | /etc/update-motd.d/*) continue ;; \
            /etc/ca-certificates/* | /usr/share/ca-certificates/*) continue ;; \
        esac; \
        if [ -L "$path" ] || [ -f "$path" ]; then \
            cp -a --parents "$(realpath "$(dirname "$path")")/$(basename "$path")" /out; \
        fi; \
    done; \
    cp -a --parents /etc/ssl/certs/ca-certificates.crt /out; \
    cp -a /lib /out; \
    if [ -L /lib64 ]; then cp -a /lib64 /out; fi; \
    install -d -m 1777 /out/tmp /out/var/tmp; \
    install -d -m 0755 /out/proc /out/sys /out/dev /out/run /out/etc; \
    install -d -m 0700 -o 65532 -g 65532 /out/home/nonroot; \
    printf '%s\n' 'root:x:0:0:root:/root:/sbin/nologin' 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >/out/etc/passwd; \
    printf '%s\n' 'root:x:0:' 'nonroot:x:65532:' >/out/etc/group; \
    printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' >/out/etc/nsswitch.conf

FROM scratch
COPY --from=root /out/ /
ENV PATH=/usr/local/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /home/nonroot
USER 65532:65532
