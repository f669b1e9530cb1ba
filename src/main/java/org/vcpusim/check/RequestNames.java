package org.vcpusim.check;

import java.util.StringJoiner;
import org.vcpusim.kvm.VcpuRequest;

/** Says which requests a {@code requests} word holds. */
final class RequestNames {
    private RequestNames() {}

    static String in(long word) {
        StringJoiner names = new StringJoiner(", ", "requests 0x" + Long.toHexString(word) + " (", ")");
        for (VcpuRequest request : VcpuRequest.values()) {
            if ((word & request.mask()) != 0) {
                names.add(request.name());
            }
        }
        return names.toString();
    }
}
