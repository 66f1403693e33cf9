/** An empty Nest application on Fastify with Swagger, as made by `nest new` and Nest's own documentation. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

class AppModule {}
Module({})(AppModule);

const app = await NestFactory.create(AppModule, new FastifyAdapter());
SwaggerModule.setup('cells', app, () => SwaggerModule.createDocument(app, new DocumentBuilder().build()));
await app.listen(Number(process.env.PORT), '127.0.0.1');
