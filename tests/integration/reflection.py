"""A gRPC client that knows no proto of ours: everything comes from server reflection.

Only the reflection service's own messages are known beforehand, written here to its published field
numbers (grpc.reflection.v1alpha).
"""

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto


def _reflection_file():
    file = descriptor_pb2.FileDescriptorProto(name="reflection_client.proto",
                                              package="grpc.reflection.v1alpha", syntax="proto3")

    def message(name, *fields):
        made = file.message_type.add(name=name)
        for number, field, kind, label, type_name in fields:
            made.field.add(name=field, number=number, type=kind, label=label, type_name=type_name)

    one, many = _FIELD.LABEL_OPTIONAL, _FIELD.LABEL_REPEATED
    message("ServerReflectionRequest", (3, "file_by_filename", _FIELD.TYPE_STRING, one, None),
            (4, "file_containing_symbol", _FIELD.TYPE_STRING, one, None),
            (7, "list_services", _FIELD.TYPE_STRING, one, None))
    message("FileDescriptorResponse", (1, "file_descriptor_proto", _FIELD.TYPE_BYTES, many, None))
    message("ServiceResponse", (1, "name", _FIELD.TYPE_STRING, one, None))
    prefix = ".grpc.reflection.v1alpha."
    message("ListServiceResponse",
            (1, "service", _FIELD.TYPE_MESSAGE, many, prefix + "ServiceResponse"))
    message("ServerReflectionResponse",
            (4, "file_descriptor_response", _FIELD.TYPE_MESSAGE, one,
             prefix + "FileDescriptorResponse"),
            (6, "list_services_response", _FIELD.TYPE_MESSAGE, one, prefix + "ListServiceResponse"))
    return file


def _class_of(pool, name):
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))


class Client:
    def __init__(self, address):
        self._channel = grpc.insecure_channel(address)
        self._pool = descriptor_pool.DescriptorPool()
        self._known = set()
        own = descriptor_pool.DescriptorPool()
        own.Add(_reflection_file())
        self._request = _class_of(own, "grpc.reflection.v1alpha.ServerReflectionRequest")
        response = _class_of(own, "grpc.reflection.v1alpha.ServerReflectionResponse")
        self._reflect = self._channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            request_serializer=self._request.SerializeToString,
            response_deserializer=response.FromString)

    def close(self):
        self._channel.close()

    def _ask(self, **what):
        # An empty string in list_services must still be on the wire: any value will do.
        return next(self._reflect(iter([self._request(**what)]), timeout=10))

    def services(self):
        answer = self._ask(list_services="*")
        return [service.name for service in answer.list_services_response.service]

    def _load(self, **what):
        files = {}
        for data in self._ask(**what).file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
            files[file.name] = file
        for file in files.values():
            self._add(file, files)

    def _add(self, file, files):
        if file.name in self._known:
            return
        self._known.add(file.name)
        for name in file.dependency:
            if name in files:
                self._add(files[name], files)
            elif name not in self._known:
                self._load(file_by_filename=name)
        self._pool.Add(file)

    def call(self, service, method, request):
        """A unary call with a dictionary in and out."""
        self._load(file_containing_symbol=service)
        found = self._pool.FindServiceByName(service).methods_by_name[method]
        request_class = _class_of(self._pool, found.input_type.full_name)
        response_class = _class_of(self._pool, found.output_type.full_name)
        call = self._channel.unary_unary(f"/{service}/{method}",
                                         request_serializer=request_class.SerializeToString,
                                         response_deserializer=response_class.FromString)
        answer = call(json_format.ParseDict(request, request_class()), timeout=10)
        return json_format.MessageToDict(answer, preserving_proto_field_name=True)
